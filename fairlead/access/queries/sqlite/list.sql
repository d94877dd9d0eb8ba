-- Newest first; page by `before`, a key's id.
SELECT * FROM api_keys
WHERE (:tenant IS NULL OR tenant = :tenant)
  AND (:owner IS NULL OR owner = :owner)
  AND (:revoked = 1 OR revoked_at IS NULL)
  AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
