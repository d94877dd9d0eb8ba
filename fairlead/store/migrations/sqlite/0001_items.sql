-- oldest_reader: 1
-- What agents remember beyond a thread. A namespace is its labels joined by dots: a prefix is a range of the key.
CREATE TABLE store_items (
    number integer PRIMARY KEY,
    tenant text NOT NULL,
    namespace text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    ttl_us bigint,
    expires_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    UNIQUE (tenant, namespace, key)
);
CREATE INDEX store_items_expiring ON store_items (expires_at) WHERE expires_at IS NOT NULL;
CREATE VIRTUAL TABLE store_words USING fts5(body, tokenize = 'porter unicode61 remove_diacritics 2');
