SELECT c.document, d.title, c.heading, c.place, c.start, c.stop, c.body, -bm25(knowledge_words) AS score
FROM knowledge_words JOIN knowledge_chunks c ON c.number = knowledge_words.rowid
JOIN knowledge_documents d ON d.tenant = c.tenant AND d.collection = c.collection AND d.id = c.document
WHERE knowledge_words MATCH :query AND c.tenant = :tenant AND c.collection = :collection
ORDER BY score DESC, c.document, c.place LIMIT :limit
