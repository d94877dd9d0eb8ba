-- rows: heading text, place int, start int, stop int, body text
INSERT INTO knowledge_chunks (tenant, collection, document, place, heading, start, stop, body)
SELECT :tenant, :collection, :id, place, heading, start, stop, body FROM {rows} AS r;
INSERT INTO knowledge_words (rowid, body)
SELECT number, heading || ' ' || body FROM knowledge_chunks
WHERE tenant = :tenant AND collection = :collection AND document = :id;
