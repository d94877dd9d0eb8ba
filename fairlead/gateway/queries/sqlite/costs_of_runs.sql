-- Runs that made calls in the period, each with all it has cost.
SELECT run_id, agent, user_id, release, first_at, last_at, calls, failed, tokens_in, tokens_out, cost_nano
FROM usage_runs
WHERE tenant = :tenant AND run_id IN (
    SELECT run_id FROM usage_runs
    WHERE tenant = :tenant AND last_hour >= :since AND first_hour < :until
    ORDER BY cost_nano DESC, run_id LIMIT :top
)
ORDER BY cost_nano DESC, run_id
