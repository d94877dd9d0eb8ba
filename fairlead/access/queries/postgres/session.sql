SELECT s.role AS session_role, s.created_at AS opened_at, s.seen_at, s.expires_at, u.*
FROM sessions s JOIN users u ON u.tenant = s.tenant AND u.id = s.user_id
WHERE s.digest = :digest AND s.expires_at > :at AND s.seen_at > :idle_since
  AND u.status = 'active' AND (u.valid_from IS NULL OR u.valid_from <= s.created_at)
