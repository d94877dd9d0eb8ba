-- Under a new limit the shares are others: whoever passes one of them tells it again.
UPDATE budget_accounts SET warned = 0 WHERE warned > 0 AND scope LIKE :pattern AND (tenant = :tenant::text OR :tenant::text = '*')
