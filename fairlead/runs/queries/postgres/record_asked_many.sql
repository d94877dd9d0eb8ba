-- rows: tenant text, run_id text, fence int, seq int, type text, kind text, name text, key text, branch text, digest text, started_at int, at int, data text
-- What record.sql does, and with it what was said in the questions among the steps: rows of type 'said', each with its
-- digest, and the message as `data`. Two statements in a transaction are four round trips and twice the time.
WITH given AS MATERIALIZED (SELECT * FROM {rows} AS r),
kept AS (
    INSERT INTO messages (tenant, run_id, digest, body)
    SELECT tenant, run_id, digest, data FROM given WHERE type = 'said'
    ON CONFLICT DO NOTHING
),
alive AS MATERIALIZED (SELECT id FROM workers WHERE id = :worker AND lost_at IS NULL FOR SHARE),
held AS MATERIALIZED (
    SELECT given.*
    FROM alive, given, LATERAL (
        SELECT 1 FROM runs r
        WHERE r.tenant = given.tenant AND r.id = given.run_id AND r.fence = given.fence
          AND r.status || '' = 'running' AND r.owner || '' = alive.id
        OFFSET 0
    ) AS mine
    WHERE given.type <> 'said'
),
written AS (
    INSERT INTO events (tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, fence, data)
    SELECT tenant, run_id, seq, type, kind, name, key, branch, digest, started_at, at, fence, data FROM held
    ON CONFLICT (tenant, run_id, seq) DO NOTHING
)
SELECT count(*) AS written FROM held
