-- Documents that came before vectors were switched on, or were embedded by another model; those that are named.
INSERT INTO knowledge_embedding (tenant, collection, document, model, not_before, tries, problem)
SELECT d.tenant, d.collection, d.id, :model::text, 0, 0, '' FROM knowledge_documents d
WHERE d.chunks > 0 AND (:tenant::text IS NULL OR d.tenant = :tenant)
  AND (:collection::text IS NULL OR d.collection = :collection)
  AND NOT EXISTS (SELECT 1 FROM knowledge_embedding e WHERE e.tenant = d.tenant AND e.collection = d.collection
                  AND e.document = d.id AND e.model = :model)
ON CONFLICT (tenant, collection, document, place) DO UPDATE
SET model = excluded.model, claim = NULL, not_before = 0, tries = 0, problem = '', done_at = NULL
WHERE knowledge_embedding.model <> excluded.model
