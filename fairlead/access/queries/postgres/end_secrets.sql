-- The secrets before this one: an end that was set earlier stays.
UPDATE api_key_secrets SET expires_at = :until
WHERE tenant = :tenant AND key_id = :id AND digest <> :digest AND (expires_at IS NULL OR expires_at > :until)
