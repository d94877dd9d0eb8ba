INSERT INTO call_stops (tenant, scope, reason, stopped_by, stopped_at) VALUES (:tenant, :scope, :reason, :by, {now})
ON CONFLICT (tenant, scope) DO UPDATE
SET reason = excluded.reason, stopped_by = excluded.stopped_by, stopped_at = excluded.stopped_at
RETURNING scope
