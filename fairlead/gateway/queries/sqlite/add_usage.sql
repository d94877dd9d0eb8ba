-- rows: at int, id int, tenant text, run_id text, provider text, model text, agent text, user_id text, release text, key text, outcome text, tokens_in int, cached_in int, cache_written int, tokens_out int, reasoning int, estimated bool, cost_nano int, saved_nano int, took_us int, first_token_us int, streamed bool, cached bool
-- Only rows that are not there yet are counted: a write may be repeated when its answer was lost. They are set down once
-- for the three tables.
CREATE TEMP TABLE IF NOT EXISTS usage_new (
    at, id, tenant, run_id, provider, model, agent, user_id, release, key, outcome, tokens_in, cached_in, cache_written,
    tokens_out, reasoning, estimated, cost_nano, saved_nano, took_us, first_token_us, streamed, cached
);
DELETE FROM temp.usage_new;
INSERT INTO temp.usage_new
SELECT r.* FROM {piece} AS r
WHERE NOT EXISTS (SELECT 1 FROM usage u WHERE u.at = r.column1 AND u.id = r.column2);
INSERT INTO usage_hours (tenant, dimension, hour, name, calls, failed, hits, tokens_in, cached_in, cache_written,
    tokens_out, reasoning, cost_nano, saved_nano)
WITH alike AS MATERIALIZED ( -- most calls of a moment are: to sum them up first takes a fraction of the time
    SELECT tenant, at / 3600000000 AS hour, provider, model, agent, user_id, key, release, outcome, count(*) AS calls,
        sum(cached) AS hits, sum(tokens_in) AS tokens_in, sum(cached_in) AS cached_in,
        sum(cache_written) AS cache_written, sum(tokens_out) AS tokens_out, sum(reasoning) AS reasoning,
        sum(cost_nano) AS cost_nano, sum(saved_nano) AS saved_nano
    FROM temp.usage_new
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
)
SELECT g.tenant, d.column1 AS dimension, g.hour / d.column2 * d.column2 AS hour,
    coalesce(CASE d.column1
        WHEN 'provider' THEN g.provider WHEN 'model' THEN g.model WHEN 'model_days' THEN g.model
        WHEN 'agent' THEN g.agent WHEN 'agent_days' THEN g.agent WHEN 'user' THEN g.user_id
        WHEN 'user_days' THEN g.user_id WHEN 'key' THEN g.key WHEN 'key_days' THEN g.key
        WHEN 'release' THEN g.release ELSE g.outcome
    END, '') AS name,
    sum(g.calls), sum(CASE g.outcome WHEN 'ok' THEN 0 ELSE g.calls END), sum(g.hits), sum(g.tokens_in),
    sum(g.cached_in), sum(g.cache_written), sum(g.tokens_out), sum(g.reasoning), sum(g.cost_nano), sum(g.saved_nano)
FROM alike AS g CROSS JOIN (
    VALUES ('provider', 1), ('model', 1), ('agent', 1), ('user', 1), ('key', 1), ('release', 1), ('outcome', 1),
        ('model_days', 24), ('agent_days', 24), ('user_days', 24), ('key_days', 24)
) AS d
GROUP BY 1, 2, 3, 4
ON CONFLICT (tenant, dimension, hour, name) DO UPDATE SET
    calls = usage_hours.calls + excluded.calls,
    failed = usage_hours.failed + excluded.failed,
    hits = usage_hours.hits + excluded.hits,
    tokens_in = usage_hours.tokens_in + excluded.tokens_in,
    cached_in = usage_hours.cached_in + excluded.cached_in,
    cache_written = usage_hours.cache_written + excluded.cache_written,
    tokens_out = usage_hours.tokens_out + excluded.tokens_out,
    reasoning = usage_hours.reasoning + excluded.reasoning,
    cost_nano = usage_hours.cost_nano + excluded.cost_nano,
    saved_nano = usage_hours.saved_nano + excluded.saved_nano;
INSERT INTO usage_runs (tenant, run_id, agent, user_id, release, first_hour, last_hour, first_at, last_at, calls,
    failed, tokens_in, tokens_out, cost_nano)
SELECT g.tenant, g.run_id, max(g.agent), max(g.user_id), max(g.release), min(g.at) / 3600000000,
    max(g.at) / 3600000000, min(g.at), max(g.at), count(*), sum(g.outcome <> 'ok'), sum(g.tokens_in),
    sum(g.tokens_out), sum(g.cost_nano)
FROM temp.usage_new AS g
WHERE g.run_id IS NOT NULL
GROUP BY 1, 2
ON CONFLICT (tenant, run_id) DO UPDATE SET
    release = excluded.release,
    first_hour = min(usage_runs.first_hour, excluded.first_hour),
    last_hour = max(usage_runs.last_hour, excluded.last_hour),
    first_at = min(usage_runs.first_at, excluded.first_at),
    last_at = max(usage_runs.last_at, excluded.last_at),
    calls = usage_runs.calls + excluded.calls,
    failed = usage_runs.failed + excluded.failed,
    tokens_in = usage_runs.tokens_in + excluded.tokens_in,
    tokens_out = usage_runs.tokens_out + excluded.tokens_out,
    cost_nano = usage_runs.cost_nano + excluded.cost_nano;
INSERT INTO usage (at, id, tenant, run_id, provider, model, agent, user_id, release, key, outcome, tokens_in, cached_in, cache_written,
    tokens_out, reasoning, estimated, cost_nano, saved_nano, took_us, first_token_us, streamed, cached)
SELECT * FROM temp.usage_new;
