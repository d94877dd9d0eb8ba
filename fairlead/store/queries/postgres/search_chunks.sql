SELECT c.document, d.title, c.heading, c.place, c.start, c.stop, c.body, ts_rank_cd(c.words, q.query, 1)::float8 AS score
FROM knowledge_chunks c
JOIN knowledge_documents d ON d.tenant = c.tenant AND d.collection = c.collection AND d.id = c.document,
     replace(plainto_tsquery('english', :query::text)::text, '&', '|') AS given,
     LATERAL (SELECT given::tsquery AS query) AS q
WHERE c.words @@ q.query AND c.tenant = :tenant AND c.collection = :collection
ORDER BY score DESC, c.document, c.place LIMIT :limit
