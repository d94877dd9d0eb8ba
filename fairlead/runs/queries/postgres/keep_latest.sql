-- All states of a thread but the one it is in.
DELETE FROM checkpoints WHERE tenant = :tenant AND thread_id = :id AND id <> coalesce((
    SELECT t.checkpoint_id FROM threads t WHERE t.tenant = :tenant AND t.id = :id), '')
