-- Every row counts once in the dimension of providers, which has the fewest names.
SELECT hour / :grain::int * :grain::int AS starts,
    sum(calls)::bigint AS calls, sum(failed)::bigint AS failed, sum(hits)::bigint AS hits,
    sum(tokens_in)::bigint AS tokens_in, sum(cached_in)::bigint AS cached_in,
    sum(cache_written)::bigint AS cache_written,
    sum(tokens_out)::bigint AS tokens_out, sum(reasoning)::bigint AS reasoning, sum(cost_nano)::bigint AS cost_nano,
    sum(saved_nano)::bigint AS saved_nano
FROM usage_hours
WHERE tenant = :tenant AND dimension = 'provider' AND hour >= :since AND hour < :until
GROUP BY 1
ORDER BY 1
