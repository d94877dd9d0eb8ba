WITH chunks AS (DELETE FROM knowledge_chunks WHERE tenant = :tenant AND collection = :collection AND document = :id)
DELETE FROM knowledge_documents WHERE tenant = :tenant AND collection = :collection AND id = :id RETURNING id
