-- oldest_reader: 1
-- Times are microseconds since 1970, money is nano-dollars. Tenant and run id come first in every key.
CREATE TABLE runs (
    tenant text NOT NULL,
    id text NOT NULL,
    agent text NOT NULL,
    release text NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    reason text,
    priority integer NOT NULL DEFAULT 0,
    thread_id text,
    parent_id text,
    root_id text NOT NULL,
    idempotency_key text,
    input text NOT NULL,
    output text,
    error text,
    metadata text NOT NULL DEFAULT '{}',
    owner text,
    fence integer NOT NULL DEFAULT 0,
    deaths integer NOT NULL DEFAULT 0,
    seq integer NOT NULL DEFAULT 1,
    wakes integer NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    started_at bigint,
    finished_at bigint,
    wake_at bigint,
    deadline bigint,
    executing_us bigint NOT NULL DEFAULT 0,
    cost_nano bigint NOT NULL DEFAULT 0,
    budget_nano bigint,
    tokens_in bigint NOT NULL DEFAULT 0,
    tokens_out bigint NOT NULL DEFAULT 0,
    steps integer NOT NULL DEFAULT 0,
    progress smallint NOT NULL DEFAULT 0,
    cancel_requested integer NOT NULL DEFAULT 0,
    pruned integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX runs_idempotency ON runs (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_queued ON runs (release, priority DESC, id) WHERE status = 'pending' AND wake_at IS NULL;
CREATE INDEX runs_held ON runs (owner) WHERE status = 'running';
CREATE INDEX runs_waiting ON runs (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX runs_of_status ON runs (tenant, status, id);
CREATE INDEX runs_of_thread ON runs (tenant, thread_id, id) WHERE thread_id IS NOT NULL;
CREATE INDEX runs_of_parent ON runs (tenant, parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX runs_to_prune ON runs (finished_at) WHERE finished_at IS NOT NULL AND NOT pruned;
CREATE INDEX runs_to_delete ON runs (finished_at) WHERE pruned;

-- Everything durable that happened to a run, in order. A step is an event with a key.
CREATE TABLE events (
    tenant text NOT NULL,
    run_id text NOT NULL,
    seq integer NOT NULL,
    type text NOT NULL,
    kind text,
    name text,
    key text,
    branch text NOT NULL DEFAULT '',
    digest text NOT NULL DEFAULT '',
    started_at bigint,
    at bigint NOT NULL,
    fence integer NOT NULL DEFAULT 0,
    data text,
    PRIMARY KEY (tenant, run_id, seq)
) WITHOUT ROWID;
-- Nothing is recorded twice: the last line of defence behind the fence.
CREATE UNIQUE INDEX events_recorded_once ON events (tenant, run_id, key) WHERE type = 'step';

-- Messages of model calls, each once per run: histories are quadratic otherwise.
CREATE TABLE messages (
    tenant text NOT NULL,
    run_id text NOT NULL,
    digest text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (tenant, run_id, digest)
);

CREATE TABLE workers (
    id text PRIMARY KEY,
    release text NOT NULL,
    agents text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    slots integer NOT NULL,
    started_at bigint NOT NULL,
    lease_until bigint NOT NULL,
    lost_at bigint,
    draining integer NOT NULL DEFAULT 0
);

CREATE TABLE threads (
    tenant text NOT NULL,
    id text NOT NULL,
    metadata text NOT NULL DEFAULT '{}',
    state text,
    state_run_id text,
    active_run_id text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE approvals (
    tenant text NOT NULL,
    run_id text NOT NULL,
    id text NOT NULL,
    question text NOT NULL,
    data text,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    approved integer,
    decided_at bigint,
    decided_by text,
    comment text,
    PRIMARY KEY (tenant, run_id, id)
);
CREATE INDEX approvals_open ON approvals (tenant, id) WHERE approved IS NULL;
