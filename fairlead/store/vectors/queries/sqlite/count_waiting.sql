SELECT d.collection, count(*) AS documents FROM knowledge_documents d
LEFT JOIN knowledge_embedding e ON e.tenant = d.tenant AND e.collection = d.collection AND e.document = d.id
WHERE d.tenant = :tenant AND d.chunks > 0 AND (e.document IS NULL OR e.model <> :model OR e.done_at IS NULL)
GROUP BY d.collection
