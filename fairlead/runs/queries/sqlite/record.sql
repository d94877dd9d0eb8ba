-- rows: tenant text, run_id text, fence int, seq int, type text, kind text, name text, key text, branch text, digest text, started_at int, at int, data text
-- One fenced write for the steps of many runs. CROSS JOIN fixes the order: rows first, then runs by key.
INSERT INTO events (tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, fence, data)
SELECT g.tenant, g.run_id, g.seq, g.type, g.kind, g.name, g.key, g.branch, g.digest, g.started_at, g.at, g.fence, g.data
FROM {rows} AS g CROSS JOIN runs r
WHERE r.tenant = g.tenant AND r.id = g.run_id AND r.fence = g.fence AND +r.status = 'running' AND +r.owner = :worker;
SELECT changes() AS written;
