-- Those that have ended.
DELETE FROM api_key_secrets WHERE tenant = :tenant AND key_id = :id AND expires_at <= :at
  AND EXISTS (SELECT 1 FROM api_keys k WHERE k.tenant = :tenant AND k.id = :id AND k.revoked_at IS NULL)
