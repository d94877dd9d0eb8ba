-- Of documents that are embedded whole. {number} is that of the model, {type} what its index is made of: the statement
-- must say it as the index does, or the index is not used.
WITH near AS MATERIALIZED (
    SELECT v.tenant, v.collection, v.document, v.place,
           v.embedding::{type} <=> :query::text::{type} AS distance
    FROM knowledge_vectors v
    WHERE v.tenant = :tenant AND v.collection = :collection AND v.model = {number}
      AND EXISTS (SELECT 1 FROM knowledge_embedding e
                  WHERE e.tenant = v.tenant AND e.collection = v.collection AND e.document = v.document
                    AND e.model = :model AND e.done_at IS NOT NULL)
    ORDER BY v.embedding::{type} <=> :query::text::{type} LIMIT :limit)
SELECT c.document, d.title, c.heading, c.place, c.start, c.stop, c.body, (1 - near.distance)::float8 AS score
FROM near JOIN knowledge_chunks c USING (tenant, collection, document, place)
JOIN knowledge_documents d ON d.tenant = c.tenant AND d.collection = c.collection AND d.id = c.document
ORDER BY near.distance, c.document, c.place
