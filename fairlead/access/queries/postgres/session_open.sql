INSERT INTO sessions (digest, tenant, user_id, role, created_at, seen_at, expires_at)
VALUES (:digest, :tenant, :id, :role, :at, :at, :expires_at)
ON CONFLICT DO NOTHING
