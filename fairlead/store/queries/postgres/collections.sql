SELECT collection, count(*) AS documents, sum(chunks) AS chunks, sum(characters) AS characters,
       max(updated_at) AS updated_at
FROM knowledge_documents WHERE tenant = :tenant GROUP BY collection ORDER BY collection LIMIT :limit
