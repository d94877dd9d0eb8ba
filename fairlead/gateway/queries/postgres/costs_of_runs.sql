-- Runs that made calls in the period, each with all it has cost: the dearest of each hour that runs came to rest in,
-- and those that went on after the period.
SELECT run_id, agent, user_id, release, first_at, last_at, calls, failed, tokens_in, tokens_out, cost_nano
FROM usage_runs
WHERE tenant = :tenant AND run_id IN (
    SELECT run_id FROM (
        SELECT dear.run_id, dear.cost_nano
        FROM generate_series(:since::int, :until::int - 1) AS h (hour) CROSS JOIN LATERAL (
            SELECT run_id, cost_nano FROM usage_runs WHERE tenant = :tenant AND last_hour = h.hour
            ORDER BY cost_nano DESC, run_id LIMIT :top
        ) AS dear
        UNION ALL
        SELECT run_id, cost_nano FROM usage_runs
        WHERE tenant = :tenant AND last_hour >= :until AND first_hour < last_hour AND first_hour < :until
    ) AS found
    ORDER BY cost_nano DESC, run_id LIMIT :top
)
ORDER BY cost_nano DESC, run_id
