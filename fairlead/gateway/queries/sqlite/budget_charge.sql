-- The leases of a process that is gone. What calls may have been sent for is spent; what was only held is free again.
UPDATE budget_accounts AS a SET settled_nano = a.settled_nano + l.spent_nano + l.sent_nano
FROM budget_leases l
WHERE l.account = a.id AND l.owner = :owner AND NOT EXISTS (SELECT 1 FROM budget_owners o WHERE o.id = :owner);
DELETE FROM budget_leases
WHERE owner = :owner AND NOT EXISTS (SELECT 1 FROM budget_owners o WHERE o.id = :owner)
RETURNING account, sent_nano, leased_nano - sent_nano AS freed_nano
