-- oldest_reader: 1
-- Vectors of pieces, where they are switched on. They go with their piece, and the state of a document with its first.
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE knowledge_models (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    dimensions integer NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE knowledge_vectors (
    tenant text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    document text COLLATE "C" NOT NULL,
    place integer NOT NULL,
    model integer NOT NULL,
    embedding vector NOT NULL,
    PRIMARY KEY (tenant, collection, document, place, model),
    FOREIGN KEY (tenant, collection, document, place) REFERENCES knowledge_chunks ON DELETE CASCADE
);
-- How far a document is: waiting, in work (claimed until `not_before`), or done.
CREATE TABLE knowledge_embedding (
    tenant text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    document text COLLATE "C" NOT NULL,
    place integer NOT NULL DEFAULT 0 CHECK (place = 0),
    model text NOT NULL,
    user_id text,
    claim text,
    not_before bigint NOT NULL,
    tries integer NOT NULL,
    problem text NOT NULL,
    done_at bigint,
    PRIMARY KEY (tenant, collection, document, place),
    FOREIGN KEY (tenant, collection, document, place) REFERENCES knowledge_chunks ON DELETE CASCADE
);
CREATE INDEX knowledge_embedding_waiting ON knowledge_embedding (not_before) WHERE done_at IS NULL;
