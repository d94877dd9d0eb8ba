-- rows: id text
SELECT document, model, problem, done_at FROM knowledge_embedding
WHERE tenant = :tenant AND collection = :collection AND document IN (SELECT r.id FROM {rows} AS r)
