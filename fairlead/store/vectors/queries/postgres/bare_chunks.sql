SELECT c.place, c.heading, c.body FROM knowledge_chunks c
WHERE c.tenant = :tenant AND c.collection = :collection AND c.document = :id
  AND NOT EXISTS (SELECT 1 FROM knowledge_vectors v WHERE v.tenant = c.tenant AND v.collection = c.collection
                  AND v.document = c.document AND v.place = c.place AND v.model = :number::integer)
ORDER BY c.place LIMIT :limit
