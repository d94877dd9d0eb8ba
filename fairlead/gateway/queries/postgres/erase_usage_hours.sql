-- What a user spent is added to what nobody in particular did, so that sums stay; a tenant's sums go.
WITH gone AS (
    DELETE FROM usage_hours WHERE tenant = :tenant
      AND (:user::text IS NULL OR (dimension IN ('user', 'user_days') AND name = :user AND name <> ''))
    RETURNING *
),
added AS (
    INSERT INTO usage_hours AS h (tenant, dimension, hour, name, calls, failed, hits, tokens_in, cached_in,
        cache_written, tokens_out, reasoning, cost_nano, saved_nano)
    SELECT tenant, dimension, hour, '', calls, failed, hits, tokens_in, cached_in, cache_written, tokens_out, reasoning,
        cost_nano, saved_nano
    FROM gone WHERE :user::text IS NOT NULL
    ORDER BY tenant, dimension, hour
    ON CONFLICT (tenant, dimension, hour, name) DO UPDATE SET
        calls = h.calls + excluded.calls, failed = h.failed + excluded.failed, hits = h.hits + excluded.hits,
        tokens_in = h.tokens_in + excluded.tokens_in, cached_in = h.cached_in + excluded.cached_in,
        cache_written = h.cache_written + excluded.cache_written, tokens_out = h.tokens_out + excluded.tokens_out,
        reasoning = h.reasoning + excluded.reasoning, cost_nano = h.cost_nano + excluded.cost_nano,
        saved_nano = h.saved_nano + excluded.saved_nano
)
SELECT count(*) AS erased, false AS waiting FROM gone
