-- Runs that made calls in the period, each with all it has cost: those that came to rest in one of its hours, and those
-- that went on after it. A few of each hour tell what the dearest have cost at least; nothing that has cost less is
-- looked at.
WITH RECURSIVE hours(hour) AS (
    SELECT :since UNION ALL SELECT hour + 1 FROM hours WHERE hour + 1 < :until
),
least(cost) AS (
    SELECT coalesce((
        SELECT dear.cost_nano FROM hours CROSS JOIN usage_runs AS dear
        WHERE dear.tenant = :tenant AND dear.run_id IN (
            SELECT run_id FROM usage_runs WHERE tenant = :tenant AND last_hour = hours.hour
            ORDER BY cost_nano DESC, run_id LIMIT :few
        )
        ORDER BY dear.cost_nano DESC LIMIT 1 OFFSET :top - 1
    ), 0)
)
SELECT run_id, agent, user_id, release, first_at, last_at, calls, failed, tokens_in, tokens_out, cost_nano
FROM usage_runs
WHERE tenant = :tenant AND run_id IN (
    SELECT dear.run_id FROM hours CROSS JOIN usage_runs AS dear
    WHERE dear.tenant = :tenant AND dear.run_id IN (
        SELECT run_id FROM usage_runs
        WHERE tenant = :tenant AND last_hour = hours.hour AND cost_nano >= (SELECT cost FROM least)
        ORDER BY cost_nano DESC, run_id LIMIT :top
    )
    UNION ALL
    SELECT run_id FROM usage_runs
    WHERE tenant = :tenant AND last_hour >= :until AND first_hour < last_hour AND first_hour < :until
)
ORDER BY cost_nano DESC, run_id LIMIT :top
