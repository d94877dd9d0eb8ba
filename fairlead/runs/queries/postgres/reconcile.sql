-- Runs that carry this worker's name although it does not hold them (a claim whose answer was lost) go back.
WITH orphans AS MATERIALIZED (
    SELECT r.tenant, r.id, r.fence,
           (SELECT max(e.seq) FROM events e WHERE e.tenant = r.tenant AND e.run_id = r.id) + 1 AS seq
    FROM runs r
    WHERE r.owner = :worker AND r.status = 'running'
      AND r.id || ':' || r.fence NOT IN (SELECT json_array_elements_text(:holding::json))
    FOR UPDATE OF r
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, at, fence)
    SELECT tenant, id, seq, 'drained', {now}, fence FROM orphans
)
UPDATE runs r SET status = 'pending', reason = 'drained', owner = NULL, seq = o.seq
FROM orphans o WHERE r.tenant = o.tenant AND r.id = o.id
RETURNING r.id
