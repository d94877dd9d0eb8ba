SELECT tenant, scope, reason, stopped_by, stopped_at FROM call_stops ORDER BY tenant, scope
