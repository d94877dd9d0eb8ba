-- rows: tenant text, run_id text, fence int, status text, reason text, output text, error text, seq int, type text, data text, wake_at int, wakes int, finished int, executing_us int, cost_nano int, tokens_in int, tokens_out int, steps int, progress int, at int
-- A run ends, waits, or is handed back. A wake-up that came while it was being put down is not lost: `wakes` counts them.
INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
SELECT h.tenant, h.run_id, h.seq, h.type, h.at, h.fence, h.data
FROM {rows} AS h CROSS JOIN runs r
WHERE r.tenant = h.tenant AND r.id = h.run_id AND r.fence = h.fence AND +r.status = 'running' AND +r.owner = :worker;
UPDATE runs
SET status = CASE WHEN h.type = 'parked' AND runs.wakes > h.wakes THEN 'pending' ELSE h.status END,
    reason = CASE WHEN h.type = 'parked' AND runs.wakes > h.wakes THEN NULL ELSE h.reason END,
    wake_at = CASE WHEN h.type = 'parked' AND runs.wakes > h.wakes THEN NULL ELSE h.wake_at END,
    output = h.output, error = h.error, seq = h.seq, owner = NULL,
    finished_at = CASE WHEN h.finished = 1 THEN h.at END,
    executing_us = h.executing_us, cost_nano = h.cost_nano, tokens_in = h.tokens_in, tokens_out = h.tokens_out,
    steps = h.steps, progress = h.progress
FROM {rows} AS h
WHERE runs.tenant = h.tenant AND runs.id = h.run_id AND runs.fence = h.fence AND +runs.status = 'running'
  AND +runs.owner = :worker;
UPDATE runs
SET wakes = wakes + 1,
        wake_at = CASE WHEN owner IS NULL AND reason = 'child' THEN NULL ELSE wake_at END,
        status = CASE WHEN owner IS NULL AND reason = 'child' THEN 'pending' ELSE status END,
        reason = CASE WHEN owner IS NULL AND reason = 'child' THEN NULL ELSE reason END
WHERE (tenant, id) IN (
    SELECT c.tenant, c.parent_id FROM {rows} AS h CROSS JOIN runs c
    WHERE h.finished = 1 AND c.tenant = h.tenant AND c.id = h.run_id AND c.fence = h.fence AND c.owner IS NULL
      AND c.seq = h.seq AND c.parent_id IS NOT NULL);
SELECT count(*) AS written FROM {rows} AS h CROSS JOIN events e
WHERE e.tenant = h.tenant AND e.run_id = h.run_id AND e.seq = h.seq AND e.fence = h.fence AND e.type = h.type;
