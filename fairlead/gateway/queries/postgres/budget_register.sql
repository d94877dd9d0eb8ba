INSERT INTO budget_owners (id, host, pid, lease_until) VALUES (:id, :host, :pid::bigint, {now} + :lease_us::bigint)
ON CONFLICT (id) DO NOTHING
