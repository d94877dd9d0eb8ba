SELECT created_at, seen_at, expires_at, role FROM sessions WHERE tenant = :tenant AND user_id = :id ORDER BY created_at
