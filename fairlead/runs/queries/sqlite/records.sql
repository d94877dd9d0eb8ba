-- rows: tenant text, run_id text
-- What the journal knows of these runs, in order; the outcomes people gave included.
SELECT e.tenant, e.run_id, e.seq, e.type, e.kind, e.name, e.key, e.branch, e.digest, e.started_at, e.at, e.fence, e.data
FROM {rows} AS given
JOIN events e ON e.tenant = given.tenant AND e.run_id = given.run_id
WHERE e.type IN ('step', 'failed', 'intent', 'waiting', 'outcome', 'alias', 'retried', 'resumed', 'forked')
ORDER BY e.tenant, e.run_id, e.seq
