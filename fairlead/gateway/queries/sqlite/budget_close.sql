-- rows: account text
UPDATE budget_accounts AS a SET settled_nano = a.settled_nano + l.spent_nano
FROM budget_leases l
WHERE l.account = a.id AND l.owner = :owner AND a.id IN (SELECT account FROM {rows});
DELETE FROM budget_leases
WHERE owner = :owner AND account IN (SELECT account FROM {rows});
