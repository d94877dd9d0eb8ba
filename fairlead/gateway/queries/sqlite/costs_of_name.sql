-- One name's part of each hour that it has one in, looked up by the hour: other names are not touched.
WITH RECURSIVE hours(hour) AS (
    SELECT :since AS hour
    UNION ALL
    SELECT hour + 1 FROM hours WHERE hour + 1 < :until
)
SELECT h.hour / :grain * :grain AS starts,
    sum(calls) AS calls, sum(failed) AS failed, sum(hits) AS hits,
    sum(tokens_in) AS tokens_in, sum(cached_in) AS cached_in, sum(cache_written) AS cache_written,
    sum(tokens_out) AS tokens_out, sum(reasoning) AS reasoning, sum(cost_nano) AS cost_nano,
    sum(saved_nano) AS saved_nano
FROM hours AS h CROSS JOIN usage_hours AS u
WHERE u.tenant = :tenant AND u.dimension = :dimension AND u.hour = h.hour AND u.name = :name
GROUP BY 1
ORDER BY 1
