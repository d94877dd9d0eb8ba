-- What record.sql does, for a run that is alone.
INSERT INTO events (tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, fence, data)
SELECT :tenant, :run_id, :seq, :type, :kind, :name, :key, :branch, :digest, :started_at, :at, :fence, :data
FROM runs r
WHERE r.tenant = :tenant AND r.id = :run_id AND r.fence = :fence AND +r.status = 'running' AND +r.owner = :worker
RETURNING 1 AS written;
