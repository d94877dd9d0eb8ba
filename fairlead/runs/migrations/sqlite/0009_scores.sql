-- oldest_reader: 1
-- What people, rules and models think of runs. What a score is compared by stands beside it, so that sums need no join.
CREATE TABLE scores (
    tenant text NOT NULL,
    run_id text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    number double precision,
    category text,
    comment text,
    source text NOT NULL,
    author text NOT NULL,
    step_key text,
    agent text NOT NULL,
    release text NOT NULL,
    assistant_id text NOT NULL,
    assistant_version integer NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (tenant, run_id, id)
);
CREATE INDEX scores_over_time ON scores (tenant, created_at);
-- Where a reader of a stream may leave a score without a key: the digest of what the address ends in.
CREATE TABLE score_links (
    digest text PRIMARY KEY,
    tenant text NOT NULL,
    run_id text NOT NULL,
    name text NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX score_links_expiring ON score_links (expires_at);
