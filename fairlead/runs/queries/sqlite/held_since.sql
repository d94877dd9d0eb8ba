-- Runs that a worker holds, and when something was last recorded of each.
SELECT r.id, (
    SELECT e.at FROM events e WHERE e.tenant = r.tenant AND e.run_id = r.id ORDER BY e.seq DESC LIMIT 1) AS last_at
FROM runs r WHERE r.tenant = :tenant AND r.status = 'running'
ORDER BY r.id DESC LIMIT :most
