-- rows: tenant text, run_id text, fence int, seq int
-- Which of these writes stand or may still be made: asked only when some of a batch were refused.
SELECT given.run_id, given.seq
FROM {rows} AS given
JOIN runs r ON r.tenant = given.tenant AND r.id = given.run_id AND r.fence = given.fence
WHERE (r.status || '' = 'running' AND r.owner || '' = :worker
       AND EXISTS (SELECT 1 FROM workers w WHERE w.id = :worker AND w.lost_at IS NULL))
   OR (r.owner IS NULL AND r.seq = given.seq)
