SELECT c.place, c.heading, c.body FROM knowledge_chunks c
WHERE c.tenant = :tenant AND c.collection = :collection AND c.document = :id
  AND NOT EXISTS (SELECT 1 FROM knowledge_vectors v WHERE v.chunk = c.number AND v.model = :number)
ORDER BY c.place LIMIT :limit
