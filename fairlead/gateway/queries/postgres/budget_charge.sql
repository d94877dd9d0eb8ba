-- The leases of a process that is gone. What calls may have been sent for is spent; what was only held is free again.
WITH gone AS (
    DELETE FROM budget_leases l
    WHERE l.owner = :owner AND NOT EXISTS (SELECT 1 FROM budget_owners o WHERE o.id = :owner)
    RETURNING l.account, l.spent_nano, l.sent_nano, l.leased_nano
)
UPDATE budget_accounts a SET settled_nano = a.settled_nano + gone.spent_nano + gone.sent_nano
FROM gone WHERE a.id = gone.account
RETURNING a.id AS account, gone.sent_nano, gone.leased_nano - gone.sent_nano AS freed_nano
