-- A tenant's runs that have not ended, by release and agent; so many of each status at most. `waiting`: for a worker.
SELECT o.release, o.agent, o.status, count(*) AS runs,
       sum(CASE WHEN o.wake_at IS NULL THEN 1 ELSE 0 END) AS waiting, min(o.created_at) AS oldest
FROM (
    SELECT * FROM (SELECT release, agent, status, wake_at, created_at FROM runs
                   WHERE tenant = :tenant AND status = 'running' ORDER BY id LIMIT :most) AS a
    UNION ALL
    SELECT * FROM (SELECT release, agent, status, wake_at, created_at FROM runs
                   WHERE tenant = :tenant AND status = 'pending' ORDER BY id LIMIT :most) AS b
) AS o
GROUP BY o.release, o.agent, o.status
