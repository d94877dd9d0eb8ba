SELECT tenant, scope, period, limit_nano, set_by, set_at FROM budget_limits ORDER BY tenant, scope, period
