-- Turns that have come of questions that were answered meanwhile.
DELETE FROM approval_turns AS t
WHERE t.told_at IS NULL AND t.due_at <= {now} AND NOT EXISTS (
    SELECT 1 FROM approvals a WHERE a.tenant = t.tenant AND a.run_id = t.run_id AND a.id = t.approval_id AND a.approved IS NULL)
