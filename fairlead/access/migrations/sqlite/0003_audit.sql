-- oldest_reader: 1
-- What was done is written here in the transaction that does it, and moved on into the chain right after it.
CREATE TABLE audit_pending (
    id text PRIMARY KEY,
    tenant text NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL
);

-- Each row's hash covers the one before it. Rows are added, and never changed or taken away.
CREATE TABLE audit (
    tenant text NOT NULL,
    seq bigint NOT NULL,
    id text NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    method text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE UNIQUE INDEX audit_ids ON audit (id);

-- The last row of each tenant: who adds one takes this first.
CREATE TABLE audit_heads (
    tenant text PRIMARY KEY,
    seq bigint NOT NULL,
    hash text NOT NULL
);

CREATE TRIGGER audit_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
