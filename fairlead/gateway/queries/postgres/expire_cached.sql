-- Forget answers whose time is over: some at a time, so that nobody waits long.
DELETE FROM model_cache WHERE key IN (
    SELECT key FROM model_cache WHERE expires_at <= {now} ORDER BY expires_at LIMIT 1000
)
