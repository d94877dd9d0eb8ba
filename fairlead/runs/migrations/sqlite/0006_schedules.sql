-- oldest_reader: 1
-- What is started again and again. `next_at` is when it is due; whoever moves it on names the one it saw.
CREATE TABLE schedules (
    tenant text NOT NULL,
    id text NOT NULL,
    assistant_id text NOT NULL,
    thread_id text,
    cron text NOT NULL,
    timezone text,
    work text NOT NULL,
    metadata text NOT NULL DEFAULT '{}',
    missed text NOT NULL,
    overlap text NOT NULL,
    jitter_us bigint NOT NULL DEFAULT 0,
    start_at bigint,
    end_at bigint,
    enabled integer NOT NULL DEFAULT 1,
    user_id text,
    asker text,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    version integer NOT NULL DEFAULT 1,
    next_at bigint,
    last_at bigint,
    last_run_id text,
    last_error text,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX schedules_due ON schedules (next_at) WHERE enabled AND next_at IS NOT NULL;
