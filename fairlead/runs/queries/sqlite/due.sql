-- Timers that rang, approvals that expired, runs whose time to start has come.
-- A run of a thread whose time has come waits for its turn there.
UPDATE runs SET status = 'pending',
    wake_at = CASE WHEN reason = 'later' AND thread_id IS NOT NULL THEN :never END,
    reason = CASE WHEN reason = 'later' AND thread_id IS NOT NULL THEN 'thread' END
WHERE (tenant, id) IN (
    SELECT tenant, id FROM runs WHERE wake_at <= {now} AND status IN ('pending', 'interrupted') ORDER BY wake_at LIMIT 500)
RETURNING tenant, id, release, thread_id, reason;
