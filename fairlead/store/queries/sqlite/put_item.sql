INSERT INTO store_items (tenant, namespace, key, value, ttl_us, expires_at, created_at, updated_at)
VALUES (:tenant, :namespace, :key, :value, :ttl_us, :now + :ttl_us, :now, :now)
ON CONFLICT (tenant, namespace, key) DO UPDATE
SET value = excluded.value, ttl_us = excluded.ttl_us, expires_at = excluded.expires_at, updated_at = excluded.updated_at,
    created_at = CASE WHEN store_items.expires_at <= :now THEN :now ELSE store_items.created_at END;
DELETE FROM store_words WHERE rowid = (
    SELECT number FROM store_items WHERE tenant = :tenant AND namespace = :namespace AND key = :key);
INSERT INTO store_words (rowid, body)
SELECT number, :words FROM store_items
WHERE tenant = :tenant AND namespace = :namespace AND key = :key AND :words <> '';
