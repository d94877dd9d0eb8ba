-- Living keys of administrators, whatever their scopes: these are few.
SELECT * FROM api_keys
WHERE role = 'admin' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
ORDER BY id DESC LIMIT 1000
