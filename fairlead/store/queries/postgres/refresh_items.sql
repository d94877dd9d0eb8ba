-- rows: namespace text, key text
-- What was read lives as long again.
UPDATE store_items i SET expires_at = :now::bigint + i.ttl_us FROM {rows} AS r
WHERE i.tenant = :tenant AND i.namespace = r.namespace AND i.key = r.key
  AND i.ttl_us IS NOT NULL AND i.expires_at > :now::bigint
