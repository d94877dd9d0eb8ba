-- With their thread.
DELETE FROM checkpoints WHERE tenant = :tenant AND thread_id = :id AND NOT EXISTS (
    SELECT 1 FROM threads t WHERE t.tenant = :tenant AND t.id = :id)
