-- oldest_reader: 1
-- What evaluations of releases came to. Written once, when they are over.
CREATE TABLE evaluations (
    environment text NOT NULL,
    id text NOT NULL,
    suite text NOT NULL,
    digest text NOT NULL,
    agent text NOT NULL,
    release text NOT NULL,
    started_by text NOT NULL,
    started_at bigint NOT NULL,
    finished_at bigint NOT NULL,
    verdict text NOT NULL,
    bounds text NOT NULL,
    findings text NOT NULL,
    figures text NOT NULL,
    outcomes text NOT NULL,
    PRIMARY KEY (environment, id)
);
CREATE INDEX evaluations_newest ON evaluations (environment, started_at);
CREATE INDEX evaluations_of_release ON evaluations (environment, release, started_at);
