DELETE FROM call_stops WHERE tenant = :tenant AND scope = :scope RETURNING scope
