-- A write that the thread did not take was never there.
DELETE FROM checkpoints WHERE tenant = :tenant AND thread_id = :thread_id AND id = :id AND NOT EXISTS (
    SELECT 1 FROM threads t WHERE t.tenant = :tenant AND t.id = :thread_id AND t.checkpoint_id = :id)
