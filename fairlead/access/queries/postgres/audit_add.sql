-- rows: id text, seq int, at int, actor text, action text, subject text, detail text, method text, hash text
INSERT INTO audit (tenant, seq, id, at, actor, action, subject, detail, method, hash)
SELECT :tenant::text, r.seq, r.id, r.at, r.actor, r.action, r.subject, r.detail, r.method, r.hash
FROM {rows} AS r
WHERE EXISTS (SELECT 1 FROM audit_heads h WHERE h.tenant = :tenant AND h.hash = :hash)
ON CONFLICT DO NOTHING
