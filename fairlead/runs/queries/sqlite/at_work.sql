-- What goes on, what waits for a worker and since when. Of each at most `most` are looked at: beyond that it is "many".
SELECT 'running' AS status, count(*) AS count, min(created_at) AS oldest FROM (
    SELECT agent, release, created_at FROM runs WHERE status = 'running' AND tenant IN (SELECT value FROM json_each(:tenants))
    LIMIT :most) AS running
WHERE (:agent IS NULL OR agent = :agent) AND (:release IS NULL OR release = :release)
UNION ALL
SELECT 'pending', count(*), min(created_at) FROM (
    SELECT agent, release, created_at, wake_at FROM runs WHERE status = 'pending' AND tenant IN (SELECT value FROM json_each(:tenants))
    LIMIT :most) AS pending
WHERE wake_at IS NULL AND (:agent IS NULL OR agent = :agent) AND (:release IS NULL OR release = :release)
