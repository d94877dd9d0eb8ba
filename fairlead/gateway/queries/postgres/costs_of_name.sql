-- One name's part of each hour that it has one in, looked up by the hour: other names are not touched.
SELECT h.hour / :grain::int * :grain::int AS starts,
    sum(calls)::bigint AS calls, sum(failed)::bigint AS failed, sum(hits)::bigint AS hits,
    sum(tokens_in)::bigint AS tokens_in, sum(cached_in)::bigint AS cached_in,
    sum(cache_written)::bigint AS cache_written,
    sum(tokens_out)::bigint AS tokens_out, sum(reasoning)::bigint AS reasoning, sum(cost_nano)::bigint AS cost_nano,
    sum(saved_nano)::bigint AS saved_nano
FROM generate_series(:since::int, :until::int - 1) AS h (hour) CROSS JOIN LATERAL (
    SELECT * FROM usage_hours
    WHERE tenant = :tenant AND dimension = :dimension AND hour = h.hour AND name = :name
    OFFSET 0
) AS u
GROUP BY 1
ORDER BY 1
