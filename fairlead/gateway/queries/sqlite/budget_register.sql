INSERT INTO budget_owners (id, host, pid, lease_until) VALUES (:id, :host, :pid, {now} + :lease_us)
ON CONFLICT (id) DO NOTHING
