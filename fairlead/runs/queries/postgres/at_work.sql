-- What goes on, what waits for a worker and since when. Of each at most `most` are looked at: beyond that it is "many".
WITH t AS MATERIALIZED (SELECT json_array_elements_text(:tenants::json) AS tenant)
SELECT 'running' AS status, count(*) AS count, min(created_at) AS oldest FROM (
    SELECT r.agent, r.release, r.created_at FROM t CROSS JOIN LATERAL (
        SELECT agent, release, created_at FROM runs WHERE status = 'running' AND tenant = t.tenant LIMIT :most) AS r
    LIMIT :most) AS running
WHERE (:agent::text IS NULL OR agent = :agent) AND (:release::text IS NULL OR release = :release)
UNION ALL
SELECT 'pending', count(*), min(created_at) FROM (
    SELECT r.agent, r.release, r.created_at, r.wake_at FROM t CROSS JOIN LATERAL (
        SELECT agent, release, created_at, wake_at FROM runs WHERE status = 'pending' AND tenant = t.tenant LIMIT :most) AS r
    LIMIT :most) AS pending
WHERE wake_at IS NULL AND (:agent::text IS NULL OR agent = :agent) AND (:release::text IS NULL OR release = :release)
