INSERT INTO audit_pending (id, tenant, at, actor, action, subject, detail)
VALUES (:audit_id, :tenant, :at, :actor, :action, :subject, :detail)
ON CONFLICT DO NOTHING
