-- Every row counts once in the dimension of providers, which has the fewest names.
SELECT hour / :grain * :grain AS starts,
    sum(calls) AS calls, sum(failed) AS failed, sum(hits) AS hits,
    sum(tokens_in) AS tokens_in, sum(cached_in) AS cached_in, sum(cache_written) AS cache_written,
    sum(tokens_out) AS tokens_out, sum(reasoning) AS reasoning, sum(cost_nano) AS cost_nano,
    sum(saved_nano) AS saved_nano
FROM usage_hours
WHERE tenant = :tenant AND dimension = 'provider' AND hour >= :since AND hour < :until
GROUP BY 1
ORDER BY 1
