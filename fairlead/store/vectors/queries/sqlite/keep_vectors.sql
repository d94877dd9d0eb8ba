-- rows: place int, embedding text
-- By whoever holds the document still; it holds it longer for that. No row: it has been replaced, or taken over.
INSERT INTO knowledge_vectors (chunk, model, tenant, collection, document, embedding)
SELECT c.number, :number, c.tenant, c.collection, c.document, vec_f32(r.embedding)
FROM {rows} AS r CROSS JOIN knowledge_chunks c  -- in this order: the rows are read once, not for each piece
WHERE c.tenant = :tenant AND c.collection = :collection AND c.document = :id AND c.place = r.place
  AND EXISTS (SELECT 1 FROM knowledge_embedding WHERE tenant = :tenant AND collection = :collection
              AND document = :id AND claim = :claim AND done_at IS NULL)
ON CONFLICT DO NOTHING;
UPDATE knowledge_embedding SET not_before = {now} + :lease
WHERE tenant = :tenant AND collection = :collection AND document = :id AND claim = :claim AND done_at IS NULL
RETURNING 1;
