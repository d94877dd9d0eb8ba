WITH decided AS (
    UPDATE approvals SET approved = :approved, decided_at = {now}, decided_by = :actor, comment = :comment, answer = :answer
    WHERE tenant = :tenant AND run_id = :run_id AND id = :id AND approved IS NULL AND expires_at > {now}
    RETURNING tenant, run_id, id
),
asking AS MATERIALIZED (
    SELECT r.tenant, r.id, r.seq, r.fence, r.status, r.reason FROM runs r JOIN decided d ON d.tenant = r.tenant AND d.run_id = r.id
    FOR UPDATE OF r
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
    SELECT tenant, id, seq + 1, 'approval', {now}, fence,
           json_build_object('approval_id', :id::text, 'approved', :approved::boolean, 'by', :actor::text, 'comment', :comment::text)::text
    FROM asking WHERE status <> 'running' AND reason IN ('child', 'approval')
),
woken AS (
    UPDATE runs r SET wakes = r.wakes + 1,
        seq = CASE WHEN a.status <> 'running' AND a.reason IN ('child', 'approval') THEN r.seq + 1 ELSE r.seq END,
        wake_at = CASE WHEN a.status <> 'running' AND a.reason IN ('child', 'approval') THEN NULL ELSE r.wake_at END,
        status = CASE WHEN a.status <> 'running' AND a.reason IN ('child', 'approval') THEN 'pending' ELSE r.status END,
        reason = CASE WHEN a.status <> 'running' AND a.reason IN ('child', 'approval') THEN NULL ELSE r.reason END
    FROM asking a WHERE r.tenant = a.tenant AND r.id = a.id
)
SELECT run_id FROM decided
