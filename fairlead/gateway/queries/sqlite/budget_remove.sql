DELETE FROM budget_limits WHERE tenant = :tenant AND scope = :scope AND period = :period RETURNING scope
