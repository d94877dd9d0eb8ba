-- oldest_reader: 1
-- What agents remember beyond a thread. A namespace is its labels joined by dots: a prefix is a range of the key.
CREATE TABLE store_items (
    tenant text COLLATE "C" NOT NULL,
    namespace text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    value jsonb NOT NULL,
    words tsvector,
    ttl_us bigint,
    expires_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (tenant, namespace, key)
);
CREATE INDEX store_items_expiring ON store_items (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX store_items_words ON store_items USING gin (words);
