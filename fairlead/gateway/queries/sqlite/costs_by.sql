-- Whole days from the sums of days, what is left of the period at both ends from those of hours.
SELECT name,
    sum(calls) AS calls, sum(failed) AS failed, sum(hits) AS hits,
    sum(tokens_in) AS tokens_in, sum(cached_in) AS cached_in, sum(cache_written) AS cache_written,
    sum(tokens_out) AS tokens_out, sum(reasoning) AS reasoning, sum(cost_nano) AS cost_nano,
    sum(saved_nano) AS saved_nano
FROM (
    SELECT * FROM usage_hours
    WHERE tenant = :tenant AND dimension = :dimension AND hour >= :since AND hour < :first_day
    UNION ALL
    SELECT * FROM usage_hours
    WHERE tenant = :tenant AND dimension = :days AND hour >= :first_day AND hour < :last_day
    UNION ALL
    SELECT * FROM usage_hours
    WHERE tenant = :tenant AND dimension = :dimension AND hour >= :last_day AND hour < :until
) AS parts
GROUP BY name
ORDER BY cost_nano DESC, calls DESC, name
LIMIT :top
