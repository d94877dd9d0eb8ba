-- Whoever moves a turn on tells of it. One whose question was answered is dropped elsewhere.
UPDATE approval_turns n SET told_at = {now}
FROM (
    SELECT t.tenant, t.run_id, t.approval_id, t.place
    FROM approval_turns t JOIN approvals a ON a.tenant = t.tenant AND a.run_id = t.run_id AND a.id = t.approval_id
    WHERE t.told_at IS NULL AND t.due_at <= {now} AND a.approved IS NULL
    ORDER BY t.due_at LIMIT :limit FOR UPDATE OF t SKIP LOCKED
) AS due
WHERE n.tenant = due.tenant AND n.run_id = due.run_id AND n.approval_id = due.approval_id AND n.place = due.place
RETURNING n.tenant, n.run_id, n.approval_id, n.place, n.asked
