DROP TABLE IF EXISTS temp.theirs;
CREATE TEMP TABLE theirs AS
SELECT r.tenant, r.id, r.fence, r.deaths + 1 AS deaths, r.parent_id,
       (SELECT max(e.seq) FROM events e WHERE e.tenant = r.tenant AND e.run_id = r.id) + 1 AS seq,
       (SELECT max(e.at) FROM events e WHERE e.tenant = r.tenant AND e.run_id = r.id) AS last_at
FROM runs r JOIN workers w ON w.id = r.owner
WHERE r.owner = :lost AND r.status = 'running' AND w.lost_at IS NOT NULL;
UPDATE runs
SET executing_us = runs.executing_us + max(0, t.last_at - coalesce((
        SELECT max(s.at) FROM events s WHERE s.tenant = runs.tenant AND s.run_id = runs.id AND s.type = 'started'), t.last_at)),
    owner = NULL, seq = t.seq, deaths = t.deaths,
    status = CASE WHEN t.deaths >= :max_deaths THEN 'error' ELSE 'pending' END,
    reason = CASE WHEN t.deaths >= :max_deaths THEN 'poison' ELSE 'lost' END,
    error = CASE WHEN t.deaths >= :max_deaths THEN :poison_error END,
    finished_at = CASE WHEN t.deaths >= :max_deaths THEN {now} END
FROM theirs t WHERE runs.tenant = t.tenant AND runs.id = t.id;
INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
SELECT tenant, id, seq, 'lost', {now}, fence,
       json_object('worker', :lost, 'after_ms', ({now} - last_at) / 1000, 'deaths', deaths)
FROM theirs;
UPDATE runs SET wakes = wakes + 1,
        wake_at = CASE WHEN owner IS NULL AND reason = 'child' THEN NULL ELSE wake_at END,
        status = CASE WHEN owner IS NULL AND reason = 'child' THEN 'pending' ELSE status END,
        reason = CASE WHEN owner IS NULL AND reason = 'child' THEN NULL ELSE reason END
WHERE (tenant, id) IN (SELECT tenant, parent_id FROM theirs WHERE deaths >= :max_deaths AND parent_id IS NOT NULL);
SELECT r.tenant, r.id, r.status, r.agent, r.release, r.thread_id, r.fence, r.executing_us, r.steps, r.cost_nano,
       json_extract(r.metadata, '$.intent') AS intent
FROM theirs t JOIN runs r ON r.tenant = t.tenant AND r.id = t.id;
