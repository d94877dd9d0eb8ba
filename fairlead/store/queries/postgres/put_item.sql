INSERT INTO store_items (tenant, namespace, key, value, words, ttl_us, expires_at, created_at, updated_at)
VALUES (:tenant, :namespace, :key, :value::jsonb, to_tsvector('english', :words::text), :ttl_us::bigint,
        :now::bigint + :ttl_us::bigint, :now::bigint, :now::bigint)
ON CONFLICT (tenant, namespace, key) DO UPDATE
SET value = excluded.value, words = excluded.words, ttl_us = excluded.ttl_us, expires_at = excluded.expires_at,
    updated_at = excluded.updated_at,
    created_at = CASE WHEN store_items.expires_at <= :now::bigint THEN :now::bigint ELSE store_items.created_at END
