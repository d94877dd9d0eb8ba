-- Where it says what it said: pieces and vectors stay, for a title is in none of them.
UPDATE knowledge_documents SET title = :title, updated_at = :now
WHERE tenant = :tenant AND collection = :collection AND id = :id AND digest = :digest AND chunking = :chunking
  AND media_type = :media_type
RETURNING id
