-- oldest_reader: 1
-- Vectors of pieces, where they are switched on. Plain tables: only to make and to compare vectors takes sqlite-vec, so
-- that documents come and go without it, and nothing stays behind.
CREATE TABLE knowledge_models (
    number integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    dimensions integer NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE knowledge_vectors (
    chunk integer NOT NULL,
    model integer NOT NULL,
    tenant text NOT NULL,
    collection text NOT NULL,
    document text NOT NULL,
    embedding blob NOT NULL,
    PRIMARY KEY (chunk, model)
);
CREATE INDEX knowledge_vectors_of_collections ON knowledge_vectors (tenant, collection, model);
-- How far a document is: waiting, in work (claimed until `not_before`), or done.
CREATE TABLE knowledge_embedding (
    tenant text NOT NULL,
    collection text NOT NULL,
    document text NOT NULL,
    model text NOT NULL,
    user_id text,
    claim text,
    not_before bigint NOT NULL,
    tries integer NOT NULL,
    problem text NOT NULL,
    done_at bigint,
    PRIMARY KEY (tenant, collection, document)
);
CREATE INDEX knowledge_embedding_waiting ON knowledge_embedding (not_before) WHERE done_at IS NULL;
CREATE TRIGGER knowledge_chunk_gone AFTER DELETE ON knowledge_chunks BEGIN
    DELETE FROM knowledge_vectors WHERE chunk = old.number;
    DELETE FROM knowledge_embedding
    WHERE tenant = old.tenant AND collection = old.collection AND document = old.document;
END;
