-- What was known of the document went with its pieces.
INSERT INTO knowledge_embedding (tenant, collection, document, model, user_id, not_before, tries, problem)
VALUES (:tenant, :collection, :id, :model, :user_id::text, 0, 0, '')
ON CONFLICT DO NOTHING
