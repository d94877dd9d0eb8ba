-- Done when every piece has its vector; then those of other models are of no use. No row: not all have, or not ours.
UPDATE knowledge_embedding SET done_at = {now}, claim = NULL, problem = '', user_id = NULL
WHERE tenant = :tenant AND collection = :collection AND document = :id AND claim = :claim AND done_at IS NULL
  AND NOT EXISTS (
      SELECT 1 FROM knowledge_chunks c
      WHERE c.tenant = :tenant AND c.collection = :collection AND c.document = :id
        AND NOT EXISTS (SELECT 1 FROM knowledge_vectors v WHERE v.chunk = c.number AND v.model = :number));
DELETE FROM knowledge_vectors
WHERE chunk IN (SELECT number FROM knowledge_chunks
                WHERE tenant = :tenant AND collection = :collection AND document = :id)
  AND model <> :number
  AND EXISTS (SELECT 1 FROM knowledge_embedding WHERE tenant = :tenant AND collection = :collection AND document = :id
              AND model = :model AND done_at IS NOT NULL);
SELECT 1 FROM knowledge_embedding
WHERE tenant = :tenant AND collection = :collection AND document = :id AND model = :model AND done_at IS NOT NULL;
