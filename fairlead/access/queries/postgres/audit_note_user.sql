-- Of a user whom this transaction has changed.
INSERT INTO audit_pending (id, tenant, at, actor, action, subject, detail)
SELECT :audit_id::text, :tenant::text, :at::bigint, :actor::text, :action::text, :subject::text, :detail::text
FROM users u, user_changes c WHERE u.tenant = :tenant AND u.id = :id AND u.version = c.version
ON CONFLICT DO NOTHING
