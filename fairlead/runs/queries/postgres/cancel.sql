-- A run, or all others of a thread that a new one (`beside`) takes the place of, and everything they started. What runs
-- is asked to stop; what waits has stopped now.
WITH RECURSIVE tree AS (
    SELECT tenant, id FROM runs WHERE tenant = :tenant AND id = :id
    UNION ALL
    SELECT r.tenant, r.id FROM runs r JOIN runs n ON n.tenant = :tenant AND n.id = :beside AND n.fence = 0
    WHERE r.tenant = :tenant AND r.thread_id = :thread_id AND r.finished_at IS NULL AND n.finished_at IS NULL AND r.id <> :beside
    UNION ALL
    SELECT r.tenant, r.id FROM runs r JOIN tree t ON r.tenant = t.tenant AND r.parent_id = t.id
),
locked AS MATERIALIZED (
    SELECT r.tenant, r.id, r.status, r.seq, r.fence, r.thread_id, r.parent_id, r.discard FROM tree JOIN runs r ON r.tenant = tree.tenant AND r.id = tree.id
    WHERE r.finished_at IS NULL
    ORDER BY r.id FOR UPDATE OF r
),
stopped AS (
    UPDATE runs r SET cancel_requested = true, wakes = r.wakes + 1, discard = coalesce(:discard::text, r.discard),
        status = CASE WHEN l.status = 'running' THEN r.status ELSE 'interrupted' END,
        reason = CASE WHEN l.status = 'running' THEN r.reason ELSE 'cancelled' END,
        wake_at = NULL,
        seq = CASE WHEN l.status = 'running' THEN r.seq ELSE r.seq + 1 END,
        finished_at = CASE WHEN l.status = 'running' THEN NULL ELSE {now} END
    FROM locked l WHERE r.tenant = l.tenant AND r.id = l.id
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
    SELECT tenant, id, seq + 1, 'finished', {now}, fence,
           json_build_object('status', 'interrupted', 'reason', 'cancelled', 'by', :actor::text)::text
    FROM locked WHERE status <> 'running'
),
closed AS (
    UPDATE approvals a SET approved = false, decided_at = {now}, decided_by = 'cancelled'
    FROM locked l WHERE a.tenant = l.tenant AND a.run_id = l.id AND a.approved IS NULL
),
woken AS (
    UPDATE runs p SET wakes = p.wakes + 1,
        wake_at = CASE WHEN p.owner IS NULL AND p.reason = 'child' THEN NULL ELSE p.wake_at END,
        status = CASE WHEN p.owner IS NULL AND p.reason = 'child' THEN 'pending' ELSE p.status END,
        reason = CASE WHEN p.owner IS NULL AND p.reason = 'child' THEN NULL ELSE p.reason END
    FROM locked l WHERE l.id = :id AND l.status <> 'running' AND p.tenant = l.tenant AND p.id = l.parent_id
)
SELECT id, status, thread_id, coalesce(:discard::text, discard) AS discard FROM locked
