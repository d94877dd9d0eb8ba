-- oldest_reader: 1
-- Times are microseconds since 1970, money is nano-dollars.
-- Counts changes in the order of their commits: who changes a key takes this row first, and holds it to the end. So who
-- has seen a number has seen all below it, and reads only what came later.
CREATE TABLE api_key_changes (
    one integer PRIMARY KEY CHECK (one = 1),
    version bigint NOT NULL
);
INSERT INTO api_key_changes (one, version) VALUES (1, 0);

-- Never deleted: a name in a cost report must mean something.
CREATE TABLE api_keys (
    tenant text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    owner text,
    role text NOT NULL,
    scopes text NOT NULL,
    models text NOT NULL,
    day_nano bigint,
    month_nano bigint,
    total_nano bigint,
    requests_per_minute bigint,
    tokens_per_minute bigint,
    metadata text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    expires_at bigint,
    rotated_at bigint,
    revoked_at bigint,
    revoked_by text,
    last_used_at bigint,
    version bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX api_keys_living ON api_keys (tenant, name) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_changed ON api_keys (version);

-- SHA-256 in hexadecimal. A key has one secret, and while it is rotated the ones before it.
CREATE TABLE api_key_secrets (
    digest text PRIMARY KEY,
    tenant text NOT NULL,
    key_id text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint
);
CREATE INDEX api_key_secrets_of_key ON api_key_secrets (tenant, key_id);
