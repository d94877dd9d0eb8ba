SELECT * FROM knowledge_documents
WHERE tenant = :tenant AND collection = :collection AND id > :after ORDER BY id LIMIT :limit
