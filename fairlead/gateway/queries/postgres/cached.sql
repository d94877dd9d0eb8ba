-- The answer under this key, if it may still be given.
SELECT value FROM model_cache WHERE key = :key AND expires_at > {now}
