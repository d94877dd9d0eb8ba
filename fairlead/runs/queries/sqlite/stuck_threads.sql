-- Threads that are free although somebody waits in them: their last run's process died between two statements.
SELECT DISTINCT r.tenant, r.thread_id, t.active_run_id AS run_id FROM runs r INDEXED BY runs_waiting
JOIN threads t ON t.tenant = r.tenant AND t.id = r.thread_id
LEFT JOIN runs a ON a.tenant = t.tenant AND a.id = t.active_run_id
WHERE r.status = 'pending' AND r.reason = 'thread' AND r.wake_at IS NOT NULL
  AND (t.active_run_id IS NULL OR a.finished_at IS NOT NULL OR a.id IS NULL)
LIMIT 100
