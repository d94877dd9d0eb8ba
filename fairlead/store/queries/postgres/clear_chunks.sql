DELETE FROM knowledge_chunks WHERE tenant = :tenant AND collection = :collection AND document = :id
