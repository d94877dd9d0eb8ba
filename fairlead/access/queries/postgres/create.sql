-- A name that a living key has makes nothing; the caller looks who has it.
INSERT INTO api_keys (tenant, id, name, owner, role, scopes, models, day_nano, month_nano, total_nano,
                      requests_per_minute, tokens_per_minute, metadata, created_at, created_by, expires_at, version)
VALUES (:tenant, :id, :name, :owner, :role, :scopes, :models, :day_nano, :month_nano, :total_nano,
        :requests_per_minute, :tokens_per_minute, :metadata, :at, :by, :expires_at,
        (SELECT version FROM api_key_changes))
ON CONFLICT DO NOTHING
