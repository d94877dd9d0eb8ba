DELETE FROM budget_accounts
WHERE ends_at < {now} - :keep_us::bigint AND NOT EXISTS (SELECT 1 FROM budget_leases l WHERE l.account = budget_accounts.id)
