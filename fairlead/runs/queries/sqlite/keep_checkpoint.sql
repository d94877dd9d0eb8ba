-- What a thread keeps when this run has ended, beside what it kept before. Goes before `settle_thread`.
INSERT INTO checkpoints (tenant, thread_id, id, parent_id, run_id, source, node, state, created_at)
SELECT t.tenant, t.id, r.id, coalesce(:base, t.checkpoint_id), r.id, 'loop', r.agent, :state, {now}
FROM threads t JOIN runs r ON r.tenant = :tenant AND r.id = :run_id AND r.fence = :fence AND r.seq = :seq
  AND r.finished_at IS NOT NULL AND r.discard IS NOT 'rollback'
WHERE t.tenant = :tenant AND t.id = :thread_id
ON CONFLICT (tenant, thread_id, id) DO UPDATE SET state = excluded.state, created_at = excluded.created_at
