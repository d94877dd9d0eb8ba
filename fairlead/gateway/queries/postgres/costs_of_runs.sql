-- Runs that made calls in the period, each with all it has cost: those that came to rest in one of its hours, and those
-- that went on after it. A few of each hour tell what the dearest have cost at least; nothing that has cost less is
-- looked at.
WITH least AS MATERIALIZED (
    SELECT coalesce((
        SELECT dear.cost_nano
        FROM generate_series(:since::int, :until::int - 1) AS h (hour) CROSS JOIN LATERAL (
            SELECT cost_nano FROM usage_runs WHERE tenant = :tenant AND last_hour = h.hour
            ORDER BY cost_nano DESC, run_id LIMIT :few
        ) AS dear
        ORDER BY dear.cost_nano DESC LIMIT 1 OFFSET :top - 1
    ), 0) AS cost
)
SELECT run_id, agent, user_id, release, first_at, last_at, calls, failed, tokens_in, tokens_out, cost_nano
FROM usage_runs
WHERE tenant = :tenant AND run_id IN (
    SELECT run_id FROM (
        SELECT dear.run_id, dear.cost_nano
        FROM generate_series(:since::int, :until::int - 1) AS h (hour) CROSS JOIN LATERAL (
            SELECT run_id, cost_nano FROM usage_runs
            WHERE tenant = :tenant AND last_hour = h.hour AND cost_nano >= (SELECT cost FROM least)
            ORDER BY cost_nano DESC, run_id LIMIT :top
        ) AS dear
        UNION ALL
        SELECT run_id, cost_nano FROM usage_runs
        WHERE tenant = :tenant AND last_hour >= :until AND first_hour < last_hour AND first_hour < :until
    ) AS found
    ORDER BY cost_nano DESC, run_id LIMIT :top
)
ORDER BY cost_nano DESC, run_id
