-- Runs that made calls in the period, each with all it has cost: the dearest of each hour that runs came to rest in,
-- and those that went on after the period. Of many of each hour, a look at all of them in the index is the shorter way.
WITH RECURSIVE hours(hour) AS (
    SELECT :since UNION ALL SELECT hour + 1 FROM hours WHERE hour + 1 < :until
)
SELECT run_id, agent, user_id, release, first_at, last_at, calls, failed, tokens_in, tokens_out, cost_nano
FROM usage_runs
WHERE tenant = :tenant AND run_id IN (
    SELECT dear.run_id FROM hours CROSS JOIN usage_runs AS dear
    WHERE :top <= 100 AND dear.tenant = :tenant AND dear.run_id IN (
        SELECT run_id FROM usage_runs WHERE tenant = :tenant AND last_hour = hours.hour
        ORDER BY cost_nano DESC, run_id LIMIT :top
    )
    UNION ALL
    SELECT run_id FROM (
        SELECT run_id FROM usage_runs
        WHERE :top > 100 AND tenant = :tenant AND last_hour >= :since AND last_hour < :until
        ORDER BY cost_nano DESC, run_id LIMIT :top
    )
    UNION ALL
    SELECT run_id FROM usage_runs
    WHERE tenant = :tenant AND last_hour >= :until AND first_hour < last_hour AND first_hour < :until
)
ORDER BY cost_nano DESC, run_id LIMIT :top
