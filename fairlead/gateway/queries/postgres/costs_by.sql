SELECT name,
    sum(calls)::bigint AS calls, sum(failed)::bigint AS failed, sum(hits)::bigint AS hits,
    sum(tokens_in)::bigint AS tokens_in, sum(cached_in)::bigint AS cached_in,
    sum(cache_written)::bigint AS cache_written,
    sum(tokens_out)::bigint AS tokens_out, sum(reasoning)::bigint AS reasoning, sum(cost_nano)::bigint AS cost_nano,
    sum(saved_nano)::bigint AS saved_nano
FROM usage_hours
WHERE tenant = :tenant AND dimension = :dimension AND hour >= :since AND hour < :until
GROUP BY name
ORDER BY cost_nano DESC, calls DESC, name
LIMIT :top
