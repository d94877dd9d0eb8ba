DELETE FROM knowledge_words WHERE rowid IN (
    SELECT number FROM knowledge_chunks WHERE tenant = :tenant AND collection = :collection AND document = :id);
DELETE FROM knowledge_chunks WHERE tenant = :tenant AND collection = :collection AND document = :id;
