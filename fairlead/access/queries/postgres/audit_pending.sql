-- What is not in the chain yet, the oldest first.
SELECT * FROM audit_pending p
WHERE p.tenant = :tenant AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.id = p.id)
ORDER BY p.id LIMIT 500
