-- A run, or all others of a thread that a new one (`beside`) takes the place of, and everything they started. What runs
-- is asked to stop; what waits has stopped now.
DROP TABLE IF EXISTS temp.locked;
CREATE TEMP TABLE locked AS
WITH RECURSIVE tree AS (
    SELECT tenant, id FROM runs WHERE tenant = :tenant AND id = :id
    UNION ALL
    SELECT r.tenant, r.id FROM runs r JOIN runs n ON n.tenant = :tenant AND n.id = :beside AND n.fence = 0
    WHERE r.tenant = :tenant AND r.thread_id = :thread_id AND r.finished_at IS NULL AND n.finished_at IS NULL AND r.id <> :beside
    UNION ALL
    SELECT r.tenant, r.id FROM runs r JOIN tree t ON r.tenant = t.tenant AND r.parent_id = t.id
)
SELECT r.tenant, r.id, r.status, r.seq, r.fence, r.thread_id, r.parent_id, r.discard
FROM tree JOIN runs r ON r.tenant = tree.tenant AND r.id = tree.id
WHERE r.finished_at IS NULL;
UPDATE runs SET cancel_requested = 1, wakes = runs.wakes + 1, discard = coalesce(:discard, runs.discard),
    status = CASE WHEN l.status = 'running' THEN runs.status ELSE 'interrupted' END,
    reason = CASE WHEN l.status = 'running' THEN runs.reason ELSE 'cancelled' END,
    wake_at = NULL,
    seq = CASE WHEN l.status = 'running' THEN runs.seq ELSE runs.seq + 1 END,
    finished_at = CASE WHEN l.status = 'running' THEN NULL ELSE {now} END
FROM locked l WHERE runs.tenant = l.tenant AND runs.id = l.id;
INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
SELECT tenant, id, seq + 1, 'finished', {now}, fence,
       json_object('status', 'interrupted', 'reason', 'cancelled', 'by', :actor)
FROM locked WHERE status <> 'running';
UPDATE approvals SET approved = 0, decided_at = {now}, decided_by = 'cancelled'
WHERE approved IS NULL AND (tenant, run_id) IN (SELECT tenant, id FROM locked);
UPDATE runs SET wakes = wakes + 1,
        wake_at = CASE WHEN owner IS NULL AND reason = 'child' THEN NULL ELSE wake_at END,
        status = CASE WHEN owner IS NULL AND reason = 'child' THEN 'pending' ELSE status END,
        reason = CASE WHEN owner IS NULL AND reason = 'child' THEN NULL ELSE reason END
WHERE (tenant, id) IN (SELECT tenant, parent_id FROM locked WHERE id = :id AND status <> 'running');
SELECT id, status, thread_id, coalesce(:discard, discard) AS discard FROM locked;
