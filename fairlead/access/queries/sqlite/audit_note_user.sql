-- Of a user whom this transaction has changed.
INSERT INTO audit_pending (id, tenant, at, actor, action, subject, detail)
SELECT :audit_id, :tenant, :at, :actor, :action, :subject, :detail
FROM users u, user_changes c WHERE u.tenant = :tenant AND u.id = :id AND u.version = c.version
ON CONFLICT DO NOTHING
