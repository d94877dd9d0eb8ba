SELECT name,
    sum(calls) AS calls, sum(failed) AS failed, sum(hits) AS hits,
    sum(tokens_in) AS tokens_in, sum(cached_in) AS cached_in, sum(cache_written) AS cache_written,
    sum(tokens_out) AS tokens_out, sum(reasoning) AS reasoning, sum(cost_nano) AS cost_nano,
    sum(saved_nano) AS saved_nano
FROM usage_hours
WHERE tenant = :tenant AND dimension = :dimension AND hour >= :since AND hour < :until
GROUP BY name
ORDER BY cost_nano DESC, calls DESC, name
LIMIT :top
