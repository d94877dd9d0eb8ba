-- rows: tenant text, run_id text, fence int, seq int, type text, kind text, name text, key text, branch text, digest text, started_at int, at int, data text
-- What record.sql does, and with it what was said in the questions among the steps: rows of type 'said', each with its
-- digest, and the message as `data`.
INSERT INTO messages (tenant, run_id, digest, body)
SELECT g.tenant, g.run_id, g.digest, g.data FROM {rows} AS g WHERE g.type = 'said'
ON CONFLICT DO NOTHING;
INSERT INTO events (tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, fence, data)
SELECT g.tenant, g.run_id, g.seq, g.type, g.kind, g.name, g.key, g.branch, g.digest, g.started_at, g.at, g.fence, g.data
FROM {rows} AS g CROSS JOIN runs r
WHERE g.type <> 'said'
  AND r.tenant = g.tenant AND r.id = g.run_id AND r.fence = g.fence AND +r.status = 'running' AND +r.owner = :worker;
SELECT changes() AS written;
