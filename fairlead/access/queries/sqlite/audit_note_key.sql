-- Of a key that this transaction has changed.
INSERT INTO audit_pending (id, tenant, at, actor, action, subject, detail)
SELECT :audit_id, :tenant, :at, :actor, :action, :subject, :detail
FROM api_keys k, api_key_changes c WHERE k.tenant = :tenant AND k.id = :id AND k.version = c.version
ON CONFLICT DO NOTHING
