-- What is in the chain waits no longer.
DELETE FROM audit_pending WHERE id IN (SELECT p.id FROM audit_pending p JOIN audit a ON a.id = p.id)
