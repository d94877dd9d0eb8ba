DROP TABLE IF EXISTS temp.decided;
CREATE TEMP TABLE decided AS
SELECT r.tenant, r.id, r.seq, r.fence, r.status, r.reason
FROM approvals a JOIN runs r ON r.tenant = a.tenant AND r.id = a.run_id
WHERE a.tenant = :tenant AND a.run_id = :run_id AND a.id = :id AND a.approved IS NULL AND a.expires_at > {now};
UPDATE approvals SET approved = :approved, decided_at = {now}, decided_by = :actor, comment = :comment, answer = :answer
WHERE tenant = :tenant AND run_id = :run_id AND id = :id AND EXISTS (SELECT 1 FROM decided);
INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
SELECT tenant, id, seq + 1, 'approval', {now}, fence,
       json_object('approval_id', :id, 'approved', json(CASE WHEN :approved THEN 'true' ELSE 'false' END), 'by', :actor, 'comment', :comment)
FROM decided WHERE status <> 'running' AND reason IN ('child', 'approval');
UPDATE runs SET wakes = runs.wakes + 1,
    seq = CASE WHEN a.status <> 'running' AND a.reason IN ('child', 'approval') THEN runs.seq + 1 ELSE runs.seq END,
    wake_at = CASE WHEN a.status <> 'running' AND a.reason IN ('child', 'approval') THEN NULL ELSE runs.wake_at END,
    status = CASE WHEN a.status <> 'running' AND a.reason IN ('child', 'approval') THEN 'pending' ELSE runs.status END,
    reason = CASE WHEN a.status <> 'running' AND a.reason IN ('child', 'approval') THEN NULL ELSE runs.reason END
FROM decided a WHERE runs.tenant = a.tenant AND runs.id = a.id;
SELECT id AS run_id FROM decided;
