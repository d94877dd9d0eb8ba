-- A statement of its own: it must see what the lost worker wrote until the very end.
WITH theirs AS MATERIALIZED (
    SELECT r.tenant, r.id, r.fence, r.deaths + 1 AS deaths, r.parent_id,
           (SELECT max(e.seq) FROM events e WHERE e.tenant = r.tenant AND e.run_id = r.id) + 1 AS seq,
           (SELECT max(e.at) FROM events e WHERE e.tenant = r.tenant AND e.run_id = r.id) AS last_at
    FROM runs r JOIN workers w ON w.id = r.owner
    WHERE r.owner = :lost AND r.status = 'running' AND w.lost_at IS NOT NULL
    FOR UPDATE OF r
),
freed AS (
    UPDATE runs r
    SET owner = NULL, seq = t.seq, deaths = t.deaths,
        status = CASE WHEN t.deaths >= :max_deaths THEN 'error' ELSE 'pending' END,
        reason = CASE WHEN t.deaths >= :max_deaths THEN 'poison' ELSE 'lost' END,
        error = CASE WHEN t.deaths >= :max_deaths THEN :poison_error::text END,
        finished_at = CASE WHEN t.deaths >= :max_deaths THEN {now} END,
        executing_us = r.executing_us + greatest(0, t.last_at - coalesce((
            SELECT max(s.at) FROM events s WHERE s.tenant = r.tenant AND s.run_id = r.id AND s.type = 'started'), t.last_at))
    FROM theirs t WHERE r.tenant = t.tenant AND r.id = t.id
    RETURNING r.tenant, r.id, r.status, r.agent, r.release, r.thread_id, r.fence, r.executing_us, r.steps, r.cost_nano,
              r.metadata->>'intent' AS intent, t.parent_id
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
    SELECT tenant, id, seq, 'lost', {now}, fence,
           json_build_object('worker', :lost::text, 'after_ms', ({now} - last_at) / 1000, 'deaths', deaths)::text
    FROM theirs
),
woken AS (
    UPDATE runs p SET wakes = p.wakes + 1,
        wake_at = CASE WHEN p.owner IS NULL AND p.reason = 'child' THEN NULL ELSE p.wake_at END,
        status = CASE WHEN p.owner IS NULL AND p.reason = 'child' THEN 'pending' ELSE p.status END,
        reason = CASE WHEN p.owner IS NULL AND p.reason = 'child' THEN NULL ELSE p.reason END
    FROM (SELECT DISTINCT tenant, parent_id FROM theirs WHERE deaths >= :max_deaths AND parent_id IS NOT NULL) AS c
    WHERE p.tenant = c.tenant AND p.id = c.parent_id AND p.id NOT IN (SELECT id FROM theirs)
)
SELECT tenant, id, status, agent, release, thread_id, fence, executing_us, steps, cost_nano, intent FROM freed
