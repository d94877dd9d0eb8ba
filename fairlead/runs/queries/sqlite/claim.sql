-- The events go first, while the runs are still found as waiting.
INSERT INTO events (tenant, run_id, seq, type, name, at, fence, data)
SELECT r.tenant, r.id, r.seq + 1, 'started', r.agent, {now}, r.fence + 1,
       json_object('worker', :worker, 'attempt', r.fence + 1, 'release', r.release, 'after', r.reason)
FROM runs r JOIN (
    SELECT r.tenant, r.id FROM runs r
    WHERE r.status = 'pending' AND r.wake_at IS NULL AND r.release = :release
      AND r.agent IN (SELECT value FROM json_each(:agents))
      AND EXISTS (SELECT 1 FROM workers w WHERE w.id = :worker AND w.lost_at IS NULL AND NOT w.draining)
    ORDER BY r.priority DESC, r.id
    LIMIT min(:slots, CASE WHEN :total > 0
        THEN max(0, :total - (SELECT count(*) FROM runs INDEXED BY runs_held WHERE status = 'running')) ELSE :slots END)
) AS picked ON r.tenant = picked.tenant AND r.id = picked.id;
UPDATE runs
SET status = 'running', owner = :worker, fence = fence + 1, seq = seq + 1, started_at = coalesce(started_at, {now})
WHERE (tenant, id) IN (
    SELECT r.tenant, r.id FROM runs r
    WHERE r.status = 'pending' AND r.wake_at IS NULL AND r.release = :release
      AND r.agent IN (SELECT value FROM json_each(:agents))
      AND EXISTS (SELECT 1 FROM workers w WHERE w.id = :worker AND w.lost_at IS NULL AND NOT w.draining)
    ORDER BY r.priority DESC, r.id
    LIMIT min(:slots, CASE WHEN :total > 0
        THEN max(0, :total - (SELECT count(*) FROM runs INDEXED BY runs_held WHERE status = 'running')) ELSE :slots END)
)
RETURNING *;
