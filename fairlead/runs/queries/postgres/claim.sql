-- FOR SHARE on the worker's row is the fence's lock: who declares the worker lost changes that row first.
-- With nothing to claim it is not locked: to look must write nothing, and so wait for no disk.
-- With a limit on all running runs together, claims take turns, and count when it is theirs.
-- By ctid: how many will be picked is not known when the plan is made, and a join by key read the whole table.
WITH alive AS MATERIALIZED (
    SELECT id FROM workers WHERE id = :worker AND lost_at IS NULL AND NOT draining
      AND EXISTS (SELECT 1 FROM runs WHERE status = 'pending' AND wake_at IS NULL AND release = :release)
    FOR SHARE
),
turn AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(hashtextextended('fairlead claim', 0)) FROM alive
),
room AS MATERIALIZED (
    SELECT greatest(0, :total::bigint - fairlead_running()) AS slots FROM turn
),
picked AS MATERIALIZED (
    SELECT r.ctid
    FROM runs r
    WHERE r.status = 'pending' AND r.wake_at IS NULL AND r.release = :release
      AND r.agent = ANY (ARRAY(SELECT json_array_elements_text(:agents::json)))
      AND EXISTS (SELECT 1 FROM alive)
    ORDER BY r.priority DESC, r.id
    LIMIT least(:slots::bigint, CASE WHEN :total::bigint > 0 THEN (SELECT slots FROM room) END)
    FOR UPDATE OF r SKIP LOCKED
),
taken AS (
    UPDATE runs r
    SET status = 'running', owner = :worker::text, fence = r.fence + 1, seq = r.seq + 1,
        started_at = coalesce(r.started_at, {now})
    WHERE r.ctid = ANY (ARRAY(SELECT ctid FROM picked))
    RETURNING r.*
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, name, at, fence, data)
    SELECT tenant, id, seq, 'started', agent, {now}, fence,
           json_build_object('worker', owner, 'attempt', fence, 'release', release, 'after', reason)::text
    FROM taken
)
SELECT * FROM taken ORDER BY priority DESC, id
