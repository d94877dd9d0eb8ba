-- rows: id text, tenant text, scope text, period text, starts_at int, ends_at int, turn int
INSERT INTO budget_accounts (id, tenant, scope, period, starts_at, ends_at)
SELECT id, tenant, scope, period, starts_at, ends_at FROM {rows} WHERE true
ON CONFLICT (id) DO NOTHING;
INSERT INTO budget_leases (account, owner, turn)
SELECT given.id, me.id, given.turn - 1 FROM {rows} AS given, (SELECT id FROM budget_owners WHERE id = :owner) AS me
WHERE true
ON CONFLICT (account, owner) DO NOTHING;
