-- Timers that rang, approvals that expired, runs whose time to start has come.
-- A run of a thread whose time has come waits for its turn there.
UPDATE runs r SET status = 'pending',
    wake_at = CASE WHEN r.reason = 'later' AND r.thread_id IS NOT NULL THEN :never::bigint END,
    reason = CASE WHEN r.reason = 'later' AND r.thread_id IS NOT NULL THEN 'thread' END
FROM (
    SELECT tenant, id FROM runs WHERE wake_at <= {now} AND status IN ('pending', 'interrupted')
    ORDER BY wake_at LIMIT 500 FOR UPDATE SKIP LOCKED
) AS due
WHERE r.tenant = due.tenant AND r.id = due.id
RETURNING r.tenant, r.id, r.release, r.thread_id, r.reason
