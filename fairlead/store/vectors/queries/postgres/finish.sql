-- Done when every piece has its vector; then those of other models are of no use. No row: not all have, or not ours.
WITH done AS (
    UPDATE knowledge_embedding SET done_at = {now}, claim = NULL, problem = '', user_id = NULL
    WHERE tenant = :tenant AND collection = :collection AND document = :id AND claim = :claim AND done_at IS NULL
      AND model = :model AND NOT EXISTS (
          SELECT 1 FROM knowledge_chunks c
          WHERE c.tenant = :tenant AND c.collection = :collection AND c.document = :id
            AND NOT EXISTS (SELECT 1 FROM knowledge_vectors v WHERE v.tenant = c.tenant AND v.collection = c.collection
                            AND v.document = c.document AND v.place = c.place AND v.model = :number::integer))
    RETURNING tenant, collection, document
), others AS (
    DELETE FROM knowledge_vectors v USING done
    WHERE v.tenant = done.tenant AND v.collection = done.collection AND v.document = done.document
      AND v.model <> :number::integer
)
SELECT 1 FROM done
