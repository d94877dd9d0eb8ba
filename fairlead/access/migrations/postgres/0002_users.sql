-- oldest_reader: 1
-- As api_key_changes: who has seen a number has seen all below it.
CREATE TABLE user_changes (
    one smallint PRIMARY KEY CHECK (one = 1),
    version bigint NOT NULL
);
INSERT INTO user_changes (one, version) VALUES (1, 0);

-- The name is what keys call their owner and tokens their user. Of a user who was deleted only the digest is left, so
-- that their tokens open nothing. `valid_from`: tokens and sessions from before it open nothing.
CREATE TABLE users (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    email text,
    subject text COLLATE "C",
    role text NOT NULL,
    status text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    last_seen_at bigint,
    valid_from bigint,
    version bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX users_named ON users (tenant, digest);
CREATE UNIQUE INDEX users_subject ON users (subject) WHERE subject IS NOT NULL;
CREATE INDEX users_changed ON users (version) WHERE valid_from IS NOT NULL;

-- Of the console. What is kept of a cookie is its SHA-256.
CREATE TABLE sessions (
    digest text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text NOT NULL,
    created_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (tenant, user_id);
CREATE INDEX sessions_end ON sessions (expires_at);
