-- Keep an answer for so many microseconds.
INSERT INTO model_cache (key, tenant, value, size, expires_at)
VALUES (:key, :tenant, :value, :size::bigint, {now} + :keep::bigint)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, size = excluded.size, expires_at = excluded.expires_at
