-- Tenants of which something is not in the chain yet.
SELECT DISTINCT tenant FROM audit_pending p WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.id = p.id)
