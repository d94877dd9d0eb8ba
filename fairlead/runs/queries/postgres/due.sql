-- Timers that rang, approvals that expired, runs whose time to start has come.
UPDATE runs r SET wake_at = NULL, status = 'pending', reason = NULL
FROM (
    SELECT tenant, id FROM runs WHERE wake_at <= {now} AND status IN ('pending', 'interrupted')
    ORDER BY wake_at LIMIT 500 FOR UPDATE SKIP LOCKED
) AS due
WHERE r.tenant = due.tenant AND r.id = due.id
RETURNING r.tenant, r.id, r.release
