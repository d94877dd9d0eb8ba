-- rows: namespace text, key text
-- What was read lives as long again.
UPDATE store_items SET expires_at = :now + ttl_us
WHERE tenant = :tenant AND ttl_us IS NOT NULL AND expires_at > :now
  AND (namespace, key) IN (SELECT namespace, key FROM {rows} AS r);
