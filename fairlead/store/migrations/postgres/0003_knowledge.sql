-- oldest_reader: 1
-- Documents that agents look things up in, and the pieces they are found by. A document is replaced whole.
CREATE TABLE knowledge_documents (
    tenant text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    title text NOT NULL,
    media_type text NOT NULL,
    digest text NOT NULL,
    chunking text NOT NULL,
    characters bigint NOT NULL,
    chunks integer NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (tenant, collection, id)
);
CREATE TABLE knowledge_chunks (
    tenant text COLLATE "C" NOT NULL,
    collection text COLLATE "C" NOT NULL,
    document text COLLATE "C" NOT NULL,
    place integer NOT NULL,
    heading text NOT NULL,
    start integer NOT NULL,
    stop integer NOT NULL,
    body text NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (tenant, collection, document, place)
);
CREATE INDEX knowledge_chunks_words ON knowledge_chunks USING gin (words);
