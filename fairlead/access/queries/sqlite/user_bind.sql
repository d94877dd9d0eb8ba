-- The first sign-in of somebody an administrator had made, or news of their address.
UPDATE users SET subject = :subject, email = coalesce(:email, email), last_seen_at = :at
WHERE tenant = :tenant AND id = :id AND status <> 'deleted'
RETURNING *
