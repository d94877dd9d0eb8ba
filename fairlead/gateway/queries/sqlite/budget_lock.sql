-- rows: account text, turn int, spent int, have int, sent int, send int, head int, need int, ahead int, waiting int, rule_tenant text, rule_scope text, cap int
-- SQLite has one writer at a time.
SELECT id FROM budget_owners WHERE id = :owner;
