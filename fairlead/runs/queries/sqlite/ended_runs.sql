-- All that ended after one moment and until another; `most` of them, the last.
SELECT tenant, agent, release, status, reason, finished_at, executing_us, cost_nano FROM (
    SELECT tenant, agent, release, status, reason, finished_at, executing_us, cost_nano FROM runs
    WHERE finished_at > :after AND finished_at <= :until AND NOT pruned
    ORDER BY finished_at DESC LIMIT :most) AS whole
UNION ALL
SELECT tenant, agent, release, status, reason, finished_at, executing_us, cost_nano FROM (
    SELECT tenant, agent, release, status, reason, finished_at, executing_us, cost_nano FROM runs
    WHERE finished_at > :after AND finished_at <= :until AND pruned
    ORDER BY finished_at DESC LIMIT :most) AS emptied
