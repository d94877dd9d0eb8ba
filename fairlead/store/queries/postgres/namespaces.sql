SELECT DISTINCT namespace FROM store_items
WHERE tenant = :tenant AND namespace > :after AND (expires_at IS NULL OR expires_at > :now)
ORDER BY namespace LIMIT :limit
