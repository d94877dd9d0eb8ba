-- rows: heading text, place int, start int, stop int, body text
INSERT INTO knowledge_chunks (tenant, collection, document, place, heading, start, stop, body, words)
SELECT :tenant, :collection, :id, place, heading, start, stop, body, to_tsvector('english', heading || ' ' || body)
FROM {rows} AS r
