-- rows: account text, turn int, spent int, have int, sent int, send int, head int, need int, ahead int, waiting int, rule_tenant text, rule_scope text, cap int
-- The statements behind this one see what everybody before us has done. Who declares us lost changes our row first.
WITH me AS MATERIALIZED (SELECT id FROM budget_owners WHERE id = :owner FOR SHARE)
SELECT a.id
FROM {rows} AS given JOIN budget_accounts a ON a.id = given.account, me
ORDER BY a.id
FOR UPDATE OF a
