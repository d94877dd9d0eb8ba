-- rows: tenant text, run_id text, fence int, seq int, type text, kind text, name text, key text, branch text, digest text, started_at int, at int, data text
-- One fenced write for the steps of many runs. `|| ''` hides the predicates from the partial indexes: the planner
-- would walk the index of running runs for every row. A repeated row is one whose first answer was lost.
WITH given AS MATERIALIZED (SELECT * FROM {rows} AS r),
alive AS MATERIALIZED (SELECT id FROM workers WHERE id = :worker AND lost_at IS NULL FOR SHARE),
held AS MATERIALIZED (
    SELECT given.*
    FROM alive, given, LATERAL (
        SELECT 1 FROM runs r
        WHERE r.tenant = given.tenant AND r.id = given.run_id AND r.fence = given.fence
          AND r.status || '' = 'running' AND r.owner || '' = alive.id
        OFFSET 0
    ) AS mine
),
written AS (
    INSERT INTO events (tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, fence, data)
    SELECT tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, fence, data FROM held
    ON CONFLICT (tenant, run_id, seq) DO NOTHING
)
SELECT count(*) AS written FROM held
