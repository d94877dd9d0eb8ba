-- oldest_reader: 1
-- Times are microseconds since 1970, money is nano-dollars.
-- What somebody has set while running; NULL is "no limit". Tenant '*' stands for all tenants, scope 'user:*' for each user.
CREATE TABLE budget_limits (
    tenant text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    period text NOT NULL,
    limit_nano bigint,
    set_by text NOT NULL,
    set_at bigint NOT NULL,
    PRIMARY KEY (tenant, scope, period)
);

-- One budget in one period. settled_nano is what leases that are gone have spent; those that stand say it themselves.
CREATE TABLE budget_accounts (
    id text COLLATE "C" PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    period text NOT NULL,
    starts_at bigint NOT NULL,
    ends_at bigint,
    settled_nano bigint NOT NULL DEFAULT 0,
    warned smallint NOT NULL DEFAULT 0
);
CREATE INDEX budget_accounts_of_tenant ON budget_accounts (tenant, starts_at);
CREATE INDEX budget_accounts_ended ON budget_accounts (ends_at) WHERE ends_at IS NOT NULL;

-- The processes that lease.
CREATE TABLE budget_owners (
    id text COLLATE "C" PRIMARY KEY,
    host text NOT NULL,
    pid integer NOT NULL,
    lease_until bigint NOT NULL
);

-- What a process has of an account: leased and not yet spent; of that, what calls may have been sent for.
CREATE TABLE budget_leases (
    account text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    turn bigint NOT NULL,
    spent_nano bigint NOT NULL DEFAULT 0,
    leased_nano bigint NOT NULL DEFAULT 0,
    sent_nano bigint NOT NULL DEFAULT 0,
    granted_nano bigint NOT NULL DEFAULT 0,
    waiting smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (account, owner)
);
CREATE INDEX budget_leases_of_owner ON budget_leases (owner);

-- The kill switch: whose model calls are stopped.
CREATE TABLE call_stops (
    tenant text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    stopped_by text NOT NULL,
    stopped_at bigint NOT NULL,
    PRIMARY KEY (tenant, scope)
);
