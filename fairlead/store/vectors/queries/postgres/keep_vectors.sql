-- rows: place int, embedding text
-- By whoever holds the document still; it holds it longer for that. No row: it has been replaced, or taken over.
WITH mine AS (
    UPDATE knowledge_embedding SET not_before = {now} + :lease::bigint
    WHERE tenant = :tenant AND collection = :collection AND document = :id AND claim = :claim AND done_at IS NULL
    RETURNING tenant, collection, document
), kept AS (
    INSERT INTO knowledge_vectors (tenant, collection, document, place, model, embedding)
    SELECT mine.tenant, mine.collection, mine.document, r.place, :number::integer, r.embedding::vector
    FROM {rows} AS r, mine
    ON CONFLICT DO NOTHING
)
SELECT 1 FROM mine
