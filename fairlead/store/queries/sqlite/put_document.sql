-- The pieces are handed in with the same transaction.
INSERT INTO knowledge_documents (tenant, collection, id, title, media_type, digest, chunking, characters, chunks,
                                 created_at, updated_at)
VALUES (:tenant, :collection, :id, :title, :media_type, :digest, :chunking, :characters, :chunks, :now, :now)
ON CONFLICT (tenant, collection, id) DO UPDATE
SET title = excluded.title, media_type = excluded.media_type, digest = excluded.digest, chunking = excluded.chunking,
    characters = excluded.characters, chunks = excluded.chunks, updated_at = excluded.updated_at;
