-- oldest_reader: 1
-- One row for each try of a model call, failed and cut ones too. The id makes a write safe to repeat.
CREATE TABLE usage (
    at bigint NOT NULL,
    id bigint NOT NULL,
    tenant text NOT NULL,
    run_id text,
    provider text NOT NULL,
    model text NOT NULL,
    agent text,
    user_id text,
    release text,
    key text,
    outcome text NOT NULL,
    tokens_in bigint NOT NULL,
    cached_in bigint NOT NULL,
    cache_written bigint NOT NULL,
    tokens_out bigint NOT NULL,
    reasoning bigint NOT NULL,
    estimated integer NOT NULL,
    cost_nano bigint NOT NULL,
    saved_nano bigint NOT NULL,
    took_us bigint NOT NULL,
    first_token_us bigint,
    streamed integer NOT NULL,
    cached integer NOT NULL,
    PRIMARY KEY (at, id)
) WITHOUT ROWID;

-- What the cost report reads: every row counts once in each dimension (provider, model, agent, user, key, release,
-- outcome). An hour is a number of hours since 1970; a name is '' where there was none. Dimensions that may have many
-- names are summed by the day, too: "user_days" holds the sums of 24 hours at the hour the day begins (UTC).
CREATE TABLE usage_hours (
    tenant text NOT NULL,
    dimension text NOT NULL,
    hour integer NOT NULL,
    name text NOT NULL,
    calls bigint NOT NULL,
    failed bigint NOT NULL,
    hits bigint NOT NULL,
    tokens_in bigint NOT NULL,
    cached_in bigint NOT NULL,
    cache_written bigint NOT NULL,
    tokens_out bigint NOT NULL,
    reasoning bigint NOT NULL,
    cost_nano bigint NOT NULL,
    saved_nano bigint NOT NULL,
    PRIMARY KEY (tenant, dimension, hour, name)
) WITHOUT ROWID;
CREATE INDEX usage_hours_to_delete ON usage_hours (hour);

CREATE TABLE usage_runs (
    tenant text NOT NULL,
    run_id text NOT NULL,
    agent text,
    user_id text,
    release text,
    first_hour integer NOT NULL,
    last_hour integer NOT NULL,
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    calls bigint NOT NULL,
    failed bigint NOT NULL,
    tokens_in bigint NOT NULL,
    tokens_out bigint NOT NULL,
    cost_nano bigint NOT NULL,
    PRIMARY KEY (tenant, run_id)
) WITHOUT ROWID;
-- Covers the question which runs were dearest: a million of them are looked through without touching the table.
CREATE INDEX usage_runs_of_tenant ON usage_runs (tenant, last_hour, first_hour, cost_nano, run_id);
CREATE INDEX usage_runs_to_delete ON usage_runs (last_hour);
