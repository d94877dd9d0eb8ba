-- What goes on, what waits for a worker and since when. Of each at most `most` are looked at: beyond that it is "many".
SELECT 'running' AS status, count(*) AS count, min(created_at) AS oldest FROM (
    SELECT r.agent, r.release, r.created_at FROM json_each(:tenants) AS t CROSS JOIN runs r
    WHERE r.status = 'running' AND r.tenant = t.value LIMIT :most) AS running
WHERE (:agent IS NULL OR agent = :agent) AND (:release IS NULL OR release = :release)
UNION ALL
SELECT 'pending', count(*), min(created_at) FROM (
    SELECT r.agent, r.release, r.created_at, r.wake_at FROM json_each(:tenants) AS t CROSS JOIN runs r
    WHERE r.status = 'pending' AND r.tenant = t.value LIMIT :most) AS pending
WHERE wake_at IS NULL AND (:agent IS NULL OR agent = :agent) AND (:release IS NULL OR release = :release)
