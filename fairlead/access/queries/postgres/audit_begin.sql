INSERT INTO audit_heads (tenant, seq, hash) VALUES (:tenant, 0, '') ON CONFLICT DO NOTHING
