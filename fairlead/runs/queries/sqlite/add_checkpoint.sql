-- What somebody wrote into a thread, or whence a run is to fork. Given as `parent_id` where the thread stands, unless
-- another is named.
INSERT INTO checkpoints (tenant, thread_id, id, parent_id, run_id, source, node, state, created_at)
SELECT t.tenant, t.id, :id, coalesce(:parent_id, t.checkpoint_id), NULL, :source, :node, :state, {now}
FROM threads t WHERE t.tenant = :tenant AND t.id = :thread_id
ON CONFLICT DO NOTHING RETURNING id
