-- Of documents that are embedded whole. {number} is that of the model.
WITH near AS (
    SELECT v.chunk, vec_distance_cosine(v.embedding, (SELECT vec_f32(:query))) AS distance
    FROM knowledge_vectors v
    JOIN knowledge_embedding e ON e.tenant = v.tenant AND e.collection = v.collection AND e.document = v.document
    WHERE v.tenant = :tenant AND v.collection = :collection AND v.model = {number}
      AND e.model = :model AND e.done_at IS NOT NULL
    ORDER BY distance LIMIT :limit)
SELECT c.document, d.title, c.heading, c.place, c.start, c.stop, c.body, 1 - near.distance AS score
FROM near JOIN knowledge_chunks c ON c.number = near.chunk
JOIN knowledge_documents d ON d.tenant = c.tenant AND d.collection = c.collection AND d.id = c.document
ORDER BY near.distance, c.document, c.place
