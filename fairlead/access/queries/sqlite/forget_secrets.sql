-- Those that have ended.
DELETE FROM api_key_secrets WHERE tenant = :tenant AND key_id = :id AND expires_at <= :at
