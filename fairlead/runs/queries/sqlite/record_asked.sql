-- rows: tenant text, run_id text, digest text, body text
-- What record_one.sql does, and with it what was said in the question that is recorded.
INSERT INTO messages (tenant, run_id, digest, body) SELECT tenant, run_id, digest, body FROM {rows} AS r WHERE true
ON CONFLICT DO NOTHING;
INSERT INTO events (tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, fence, data)
SELECT :tenant, :run_id, :seq, :type, :kind, :name, :key, :branch, :digest, :started_at, :at, :fence, :data
FROM runs r
WHERE r.tenant = :tenant AND r.id = :run_id AND r.fence = :fence AND +r.status = 'running' AND +r.owner = :worker
RETURNING 1 AS written;
