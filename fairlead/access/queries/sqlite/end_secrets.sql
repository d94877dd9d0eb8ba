-- The secrets before this one: an end that was set earlier stays. Those of a revoked key stay known as such.
UPDATE api_key_secrets SET expires_at = :until
WHERE tenant = :tenant AND key_id = :id AND digest <> :digest AND (expires_at IS NULL OR expires_at > :until)
  AND EXISTS (SELECT 1 FROM api_keys k WHERE k.tenant = :tenant AND k.id = :id AND k.revoked_at IS NULL)
