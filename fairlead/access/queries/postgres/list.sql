-- Newest first; page by `before`, a key's id.
SELECT * FROM api_keys
WHERE (:tenant::text IS NULL OR tenant = :tenant)
  AND (:owner::text IS NULL OR owner = :owner)
  AND (:revoked::bigint = 1 OR revoked_at IS NULL)
  AND (:before::text IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
