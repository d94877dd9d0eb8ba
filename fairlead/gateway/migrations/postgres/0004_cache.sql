-- oldest_reader: 1
-- Answers of models that may be given again: the key is a digest of tenant and question.
CREATE TABLE model_cache (
    key text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    value text NOT NULL,
    size bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX model_cache_by_end ON model_cache (expires_at, size);
CREATE INDEX model_cache_by_tenant ON model_cache (tenant);
