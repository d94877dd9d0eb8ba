-- Whoever moves a turn on tells of it. One whose question was answered is dropped elsewhere.
UPDATE approval_turns SET told_at = {now}
WHERE told_at IS NULL AND rowid IN (
    SELECT t.rowid FROM approval_turns t JOIN approvals a ON a.tenant = t.tenant AND a.run_id = t.run_id AND a.id = t.approval_id
    WHERE t.told_at IS NULL AND t.due_at <= {now} AND a.approved IS NULL ORDER BY t.due_at LIMIT :limit)
RETURNING tenant, run_id, approval_id, place, asked
