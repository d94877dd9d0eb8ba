UPDATE api_keys
SET rotated_at = :at, expires_at = coalesce(:expires_at, expires_at), version = (SELECT version FROM api_key_changes)
WHERE tenant = :tenant AND id = :id AND revoked_at IS NULL
RETURNING *
