-- Timers that rang, approvals that expired, runs whose time to start has come.
UPDATE runs SET wake_at = NULL, status = 'pending', reason = NULL
WHERE (tenant, id) IN (
    SELECT tenant, id FROM runs WHERE wake_at <= {now} AND status IN ('pending', 'interrupted') ORDER BY wake_at LIMIT 500)
RETURNING tenant, id, release;
