SELECT * FROM knowledge_documents WHERE tenant = :tenant AND collection = :collection AND id = :id
