-- The living key of this name, or the last one that had it.
SELECT * FROM api_keys WHERE tenant = :tenant AND name = :name
ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, id DESC LIMIT 1
