-- Runs that carry this worker's name although it does not hold them (a claim whose answer was lost) go back.
DROP TABLE IF EXISTS temp.orphans;
CREATE TEMP TABLE orphans AS
SELECT r.tenant, r.id, r.fence, (SELECT max(e.seq) FROM events e WHERE e.tenant = r.tenant AND e.run_id = r.id) + 1 AS seq
FROM runs r
WHERE r.owner = :worker AND r.status = 'running' AND r.id || ':' || r.fence NOT IN (SELECT value FROM json_each(:holding));
INSERT INTO events (tenant, run_id, seq, type, at, fence) SELECT tenant, id, seq, 'drained', {now}, fence FROM orphans;
UPDATE runs SET status = 'pending', reason = 'drained', owner = NULL, seq = o.seq
FROM orphans o WHERE runs.tenant = o.tenant AND runs.id = o.id
RETURNING runs.id;
