-- oldest_reader: 1
-- Cases of evaluations that were kept from runs and are in no suite's file yet. What is removed keeps its row, without
-- what was asked: evaluations tell of it, and whoever it was of is found by it.
CREATE TABLE kept_cases (
    environment text NOT NULL,
    tenant text NOT NULL,
    id text NOT NULL,
    suite text NOT NULL,
    name text NOT NULL,
    agent text NOT NULL,
    inputs text NOT NULL,
    expected_output text,
    evaluators text NOT NULL,
    run_id text NOT NULL,
    release text NOT NULL,
    user_id text,
    kept_by text NOT NULL,
    kept_at bigint NOT NULL,
    removed_by text,
    removed_at bigint,
    PRIMARY KEY (environment, tenant, id)
);
CREATE UNIQUE INDEX kept_cases_named ON kept_cases (environment, tenant, suite, name) WHERE removed_at IS NULL;
CREATE INDEX kept_cases_of_user ON kept_cases (tenant, user_id);
CREATE INDEX evaluations_of_suite ON evaluations (environment, suite, started_at);
