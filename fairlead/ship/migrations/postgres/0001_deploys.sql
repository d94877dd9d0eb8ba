-- oldest_reader: 1
-- What was shipped, in which environment. A release is written once.
CREATE TABLE releases (
    environment text NOT NULL,
    build text NOT NULL,
    digest text NOT NULL,
    release text NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (environment, build)
);

-- One at a time is open in an environment. `word`: what a person has said of it meanwhile. Who carries it out holds it under a lease, and counts it up (`fence`).
CREATE TABLE deploys (
    environment text NOT NULL,
    id text NOT NULL,
    build text NOT NULL,
    old_build text,
    terms text NOT NULL,
    started_by text NOT NULL,
    started_at bigint NOT NULL,
    finished_at bigint,
    outcome text,
    word text,
    word_by text,
    fence bigint NOT NULL DEFAULT 0,
    lease_until bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (environment, id)
);
CREATE UNIQUE INDEX deploys_open ON deploys (environment) WHERE finished_at IS NULL;
CREATE INDEX deploys_newest ON deploys (environment, started_at);

CREATE TABLE deploy_steps (
    environment text NOT NULL,
    deploy_id text NOT NULL,
    seq bigint NOT NULL,
    kind text NOT NULL,
    given text NOT NULL,
    back bigint NOT NULL,
    began_at bigint NOT NULL,
    ended_at bigint,
    verdict text,
    said text,
    findings text,
    PRIMARY KEY (environment, deploy_id, seq)
);
