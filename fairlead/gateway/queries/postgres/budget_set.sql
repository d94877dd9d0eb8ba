INSERT INTO budget_limits (tenant, scope, period, limit_nano, set_by, set_at)
VALUES (:tenant, :scope, :period, :limit_nano::bigint, :by, {now})
ON CONFLICT (tenant, scope, period) DO UPDATE
SET limit_nano = excluded.limit_nano, set_by = excluded.set_by, set_at = excluded.set_at
