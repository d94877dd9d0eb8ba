-- rows: id text, tenant text, scope text, period text, starts_at int, ends_at int, turn int
-- What this process asks about for the first time. Sorted, as everyone takes these rows in the order of their ids.
WITH me AS MATERIALIZED (SELECT id FROM budget_owners WHERE id = :owner FOR SHARE),
account AS (
    INSERT INTO budget_accounts (id, tenant, scope, period, starts_at, ends_at)
    SELECT id, tenant, scope, period, starts_at, ends_at FROM {rows} AS given ORDER BY id
    ON CONFLICT (id) DO NOTHING
)
INSERT INTO budget_leases (account, owner, turn)
SELECT given.id, me.id, given.turn - 1 FROM {rows} AS given, me ORDER BY given.id
ON CONFLICT (account, owner) DO NOTHING
