-- All states that a thread keeps.
SELECT state FROM checkpoints WHERE tenant = :tenant AND thread_id = :id
UNION ALL SELECT state FROM threads WHERE tenant = :tenant AND id = :id
