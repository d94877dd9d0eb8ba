-- oldest_reader: 1
-- Documents that agents look things up in, and the pieces they are found by. A document is replaced whole.
CREATE TABLE knowledge_documents (
    tenant text NOT NULL,
    collection text NOT NULL,
    id text NOT NULL,
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
    number integer PRIMARY KEY,
    tenant text NOT NULL,
    collection text NOT NULL,
    document text NOT NULL,
    place integer NOT NULL,
    heading text NOT NULL,
    start integer NOT NULL,
    stop integer NOT NULL,
    body text NOT NULL,
    UNIQUE (tenant, collection, document, place)
);
CREATE VIRTUAL TABLE knowledge_words USING fts5(body, tokenize = 'porter unicode61 remove_diacritics 2');
