-- oldest_reader: 1
-- Runs that ended, counted by when, what and how: see runs/figures.py. `minute`: since 1970, when the span begins that is
-- `grain` minutes long. It holds nothing of users.
CREATE TABLE run_figures (
    kind text NOT NULL,
    grain integer NOT NULL,
    tenant text NOT NULL,
    minute bigint NOT NULL,
    agent text NOT NULL,
    release text NOT NULL,
    name text NOT NULL,
    count bigint NOT NULL,
    failed bigint NOT NULL,
    took_us bigint NOT NULL,
    cost_nano bigint NOT NULL,
    PRIMARY KEY (kind, grain, tenant, minute, agent, release, name)
) WITHOUT ROWID;

-- What is counted: runs that ended after `behind_at` and until `ahead_at`. `behind_at` 0: all there are.
CREATE TABLE run_folds (
    name text PRIMARY KEY,
    ahead_at bigint NOT NULL,
    behind_at bigint NOT NULL
);
