SELECT namespace, key, value, ttl_us, created_at, updated_at, NULL::float8 AS score FROM store_items
WHERE tenant = :tenant AND namespace = :namespace AND key = :key AND (expires_at IS NULL OR expires_at > :now)
