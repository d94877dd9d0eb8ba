INSERT INTO api_key_secrets (digest, tenant, key_id, created_at)
SELECT :digest, tenant, id, :at FROM api_keys WHERE tenant = :tenant AND id = :id AND revoked_at IS NULL
ON CONFLICT DO NOTHING
