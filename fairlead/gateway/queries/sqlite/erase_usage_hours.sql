-- What a user spent is added to what nobody in particular did, so that sums stay; a tenant's sums go.
DROP TABLE IF EXISTS temp.gone;
CREATE TEMP TABLE gone AS SELECT * FROM usage_hours WHERE tenant = :tenant
  AND (:user IS NULL OR (dimension IN ('user', 'user_days') AND name = :user AND name <> ''));
DELETE FROM usage_hours WHERE (tenant, dimension, hour, name) IN (SELECT tenant, dimension, hour, name FROM gone);
INSERT INTO usage_hours (tenant, dimension, hour, name, calls, failed, hits, tokens_in, cached_in,
    cache_written, tokens_out, reasoning, cost_nano, saved_nano)
SELECT tenant, dimension, hour, '', calls, failed, hits, tokens_in, cached_in, cache_written, tokens_out, reasoning,
    cost_nano, saved_nano
FROM gone WHERE :user IS NOT NULL
ON CONFLICT (tenant, dimension, hour, name) DO UPDATE SET
    calls = calls + excluded.calls, failed = failed + excluded.failed, hits = hits + excluded.hits,
    tokens_in = tokens_in + excluded.tokens_in, cached_in = cached_in + excluded.cached_in,
    cache_written = cache_written + excluded.cache_written, tokens_out = tokens_out + excluded.tokens_out,
    reasoning = reasoning + excluded.reasoning, cost_nano = cost_nano + excluded.cost_nano,
    saved_nano = saved_nano + excluded.saved_nano;
SELECT count(*) AS erased, 0 AS waiting FROM gone;
