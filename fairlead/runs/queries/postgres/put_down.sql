-- rows: tenant text, run_id text, fence int, status text, reason text, output text, error text, seq int, type text, data text, wake_at int, wakes int, finished int, executing_us int, cost_nano int, tokens_in int, tokens_out int, steps int, progress int, at int
-- A run ends, waits, or is handed back. A wake-up that came while it was being put down is not lost: `wakes` counts them.
WITH given AS MATERIALIZED (SELECT * FROM {rows} AS r),
alive AS MATERIALIZED (SELECT id FROM workers WHERE id = :worker AND lost_at IS NULL FOR SHARE),
held AS MATERIALIZED (
    SELECT given.*, mine.parent_id
    FROM alive, given, LATERAL (
        SELECT r.parent_id FROM runs r
        WHERE r.tenant = given.tenant AND r.id = given.run_id AND r.fence = given.fence
          AND r.status || '' = 'running' AND r.owner || '' = alive.id
        OFFSET 0
    ) AS mine
),
down AS (
    UPDATE runs r
    SET status = CASE WHEN h.type = 'parked' AND (r.wakes > h.wakes OR h.child_ended) THEN 'pending' ELSE h.status END,
        reason = CASE WHEN h.type = 'parked' AND (r.wakes > h.wakes OR h.child_ended) THEN NULL ELSE h.reason END,
        wake_at = CASE WHEN h.type = 'parked' AND (r.wakes > h.wakes OR h.child_ended) THEN NULL ELSE h.wake_at END,
        output = h.output, error = h.error, seq = h.seq, owner = NULL,
        finished_at = CASE WHEN h.finished = 1 THEN h.at END,
        executing_us = h.executing_us, cost_nano = h.cost_nano, tokens_in = h.tokens_in, tokens_out = h.tokens_out,
        steps = h.steps, progress = h.progress
    FROM (SELECT held.*, EXISTS (SELECT 1 FROM held c WHERE c.finished = 1 AND c.parent_id = held.run_id) AS child_ended
          FROM held) AS h
    WHERE r.tenant = h.tenant AND r.id = h.run_id AND r.fence = h.fence
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
    SELECT tenant, run_id, seq, type, at, fence, data FROM held
    ON CONFLICT (tenant, run_id, seq) DO NOTHING
),
woken AS (
    UPDATE runs p
    SET wakes = p.wakes + 1,
        wake_at = CASE WHEN p.owner IS NULL AND p.reason = 'child' THEN NULL ELSE p.wake_at END,
        status = CASE WHEN p.owner IS NULL AND p.reason = 'child' THEN 'pending' ELSE p.status END,
        reason = CASE WHEN p.owner IS NULL AND p.reason = 'child' THEN NULL ELSE p.reason END
    FROM (SELECT DISTINCT tenant, parent_id FROM held WHERE finished = 1 AND parent_id IS NOT NULL) AS c
    WHERE p.tenant = c.tenant AND p.id = c.parent_id AND p.id NOT IN (SELECT run_id FROM held)
)
SELECT count(*) AS written FROM held
