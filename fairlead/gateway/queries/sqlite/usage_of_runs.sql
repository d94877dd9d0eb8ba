SELECT run_id, failed, last_at FROM usage_runs
WHERE tenant = :tenant AND run_id IN (SELECT value FROM json_each(:ids))
