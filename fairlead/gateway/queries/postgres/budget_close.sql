-- rows: account text
-- Leases of ours that nobody uses any more: their account keeps what they spent.
WITH gone AS (
    DELETE FROM budget_leases l USING {rows} AS given
    WHERE l.account = given.account AND l.owner = :owner
    RETURNING l.account, l.spent_nano
)
UPDATE budget_accounts a SET settled_nano = a.settled_nano + gone.spent_nano
FROM gone WHERE a.id = gone.account
