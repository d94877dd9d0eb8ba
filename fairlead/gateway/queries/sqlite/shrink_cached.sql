-- Forget what is nearest its end, until the rest is no larger than this.
DELETE FROM model_cache WHERE key IN (
    SELECT key FROM (
        SELECT key, sum(size) OVER (ORDER BY expires_at DESC, key) AS together FROM model_cache
    ) AS counted
    WHERE together > :most
)
