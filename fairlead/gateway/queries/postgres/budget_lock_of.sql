-- In the order of their ids, as everyone takes them.
SELECT a.id FROM budget_accounts a JOIN budget_leases l ON l.account = a.id
WHERE l.owner = :owner
ORDER BY a.id FOR UPDATE OF a
