INSERT INTO workers (id, release, agents, host, pid, slots, started_at, lease_until)
VALUES (:id, :release, :agents, :host, :pid, :slots, {now}, {now} + :lease_us)
ON CONFLICT (id) DO NOTHING
RETURNING {now} AS now
