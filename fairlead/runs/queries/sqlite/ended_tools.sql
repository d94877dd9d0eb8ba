-- The tools that runs used which ended after one moment and until another, by five minutes. What a fork took over has no
-- fence, and what a run did before it was tried again was counted then.
SELECT r.tenant, r.agent, r.release, e.name, r.finished_at / 300000000 * 5 AS minute, count(*) AS calls,
    sum(CASE WHEN e.type = 'failed' THEN 1 ELSE 0 END) AS failed
FROM (
    SELECT tenant, id, agent, release, seq, finished_at FROM runs
    WHERE finished_at > :after AND finished_at <= :until AND NOT pruned
    UNION ALL
    SELECT tenant, id, agent, release, seq, finished_at FROM runs
    WHERE finished_at > :after AND finished_at <= :until AND pruned
) AS r JOIN events e ON e.tenant = r.tenant AND e.run_id = r.id
WHERE e.type IN ('step', 'failed') AND e.kind = 'tool' AND e.name IS NOT NULL AND e.fence > 0 AND e.seq > coalesce((
    SELECT max(b.seq) FROM events b
    WHERE b.tenant = r.tenant AND b.run_id = r.id AND b.seq < r.seq AND b.type IN ('finished', 'retried')), 0)
GROUP BY 1, 2, 3, 4, 5
