-- rows: at int, id int, tenant text, run_id text, provider text, model text, agent text, user_id text, release text, key text, outcome text, tokens_in int, cached_in int, cache_written int, tokens_out int, reasoning int, estimated bool, cost_nano int, saved_nano int, took_us int, first_token_us int, streamed bool, cached bool
-- Only rows that are not there yet are counted: a write may be repeated when its answer was lost. In the order of
-- their keys, so that processes that count the same things wait for each other and never in a circle.
WITH new AS (
    INSERT INTO usage (at, id, tenant, run_id, provider, model, agent, user_id, release, key, outcome, tokens_in,
        cached_in, cache_written, tokens_out, reasoning, estimated, cost_nano, saved_nano, took_us, first_token_us,
        streamed, cached)
    SELECT at, id, tenant, run_id, provider, model, agent, user_id, release, key, outcome, tokens_in,
        cached_in, cache_written, tokens_out, reasoning, estimated, cost_nano, saved_nano, took_us, first_token_us,
        streamed, cached
    FROM {rows} AS r
    ON CONFLICT (at, id) DO NOTHING
    RETURNING *
),
alike AS ( -- most calls of a moment are: to sum them up first takes a fraction of the time
    SELECT tenant, (at / 3600000000)::int AS hour, provider, model, agent, user_id, key, release, outcome,
        count(*) AS calls, sum(cached::int) AS hits, sum(tokens_in) AS tokens_in, sum(cached_in) AS cached_in,
        sum(cache_written) AS cache_written, sum(tokens_out) AS tokens_out, sum(reasoning) AS reasoning,
        sum(cost_nano) AS cost_nano, sum(saved_nano) AS saved_nano
    FROM new
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
),
hours AS (
    INSERT INTO usage_hours (tenant, dimension, hour, name, calls, failed, hits, tokens_in, cached_in, cache_written,
        tokens_out, reasoning, cost_nano, saved_nano)
    SELECT g.tenant, d.dimension, g.hour / d.grain * d.grain AS hour,
        coalesce(CASE d.dimension
            WHEN 'provider' THEN g.provider WHEN 'model' THEN g.model WHEN 'model_days' THEN g.model
            WHEN 'agent' THEN g.agent WHEN 'agent_days' THEN g.agent WHEN 'user' THEN g.user_id
            WHEN 'user_days' THEN g.user_id WHEN 'key' THEN g.key WHEN 'key_days' THEN g.key
            WHEN 'release' THEN g.release ELSE g.outcome
        END, '') AS name,
        sum(g.calls), coalesce(sum(g.calls) FILTER (WHERE g.outcome <> 'ok'), 0), sum(g.hits), sum(g.tokens_in),
        sum(g.cached_in), sum(g.cache_written), sum(g.tokens_out), sum(g.reasoning), sum(g.cost_nano), sum(g.saved_nano)
    FROM alike AS g CROSS JOIN (
        VALUES ('provider', 1), ('model', 1), ('agent', 1), ('user', 1), ('key', 1), ('release', 1), ('outcome', 1),
            ('model_days', 24), ('agent_days', 24), ('user_days', 24), ('key_days', 24)
    ) AS d(dimension, grain)
    GROUP BY 1, 2, 3, 4
    ORDER BY 1, 2, 3, 4
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
        saved_nano = usage_hours.saved_nano + excluded.saved_nano
),
runs AS (
    INSERT INTO usage_runs (tenant, run_id, agent, user_id, release, first_hour, last_hour, first_at, last_at, calls,
        failed, tokens_in, tokens_out, cost_nano)
    SELECT g.tenant, g.run_id, max(g.agent), max(g.user_id), max(g.release), (min(g.at) / 3600000000)::int,
        (max(g.at) / 3600000000)::int, min(g.at), max(g.at), count(*), sum((g.outcome <> 'ok')::int), sum(g.tokens_in),
        sum(g.tokens_out), sum(g.cost_nano)
    FROM new AS g
    WHERE g.run_id IS NOT NULL
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (tenant, run_id) DO UPDATE SET
        release = excluded.release,
        first_hour = least(usage_runs.first_hour, excluded.first_hour),
        last_hour = greatest(usage_runs.last_hour, excluded.last_hour),
        first_at = least(usage_runs.first_at, excluded.first_at),
        last_at = greatest(usage_runs.last_at, excluded.last_at),
        calls = usage_runs.calls + excluded.calls,
        failed = usage_runs.failed + excluded.failed,
        tokens_in = usage_runs.tokens_in + excluded.tokens_in,
        tokens_out = usage_runs.tokens_out + excluded.tokens_out,
        cost_nano = usage_runs.cost_nano + excluded.cost_nano
)
SELECT count(*) AS added FROM new
