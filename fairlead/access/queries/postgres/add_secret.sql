INSERT INTO api_key_secrets (digest, tenant, key_id, created_at)
SELECT :digest::text, tenant, id, :at::bigint FROM api_keys WHERE tenant = :tenant AND id = :id AND revoked_at IS NULL
ON CONFLICT DO NOTHING
