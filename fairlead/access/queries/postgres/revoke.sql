UPDATE api_keys SET revoked_at = :at, revoked_by = :by, version = (SELECT version FROM api_key_changes)
WHERE tenant = :tenant AND id = :id AND revoked_at IS NULL
RETURNING *
