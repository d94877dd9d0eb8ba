-- rows: tenant text, run_id text, seq int, type text, kind text, name text, key text, branch text, digest text, started_at int, at int, data text
-- What a fork takes over. Only into a run that was made in this transaction: nobody has claimed it.
INSERT INTO events (tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, data)
SELECT r.tenant, r.run_id, r.seq, r.type, r.kind, r.name, r.key, r.branch, r.digest, r.started_at,
       coalesce(r.at, o.created_at), r.data
FROM {rows} AS r JOIN runs o ON o.tenant = r.tenant AND o.id = r.run_id
WHERE o.fence = 0
