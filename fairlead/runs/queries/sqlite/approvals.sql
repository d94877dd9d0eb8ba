SELECT approvals.*, (SELECT json_group_array(json_array(place, due_at, json(asked))) FROM
    (SELECT t.place, t.due_at, t.asked FROM approval_turns t WHERE t.tenant = approvals.tenant AND t.run_id = approvals.run_id AND t.approval_id = approvals.id ORDER BY t.place)) AS turns
FROM approvals
WHERE tenant = :tenant AND (:run_id IS NULL OR run_id = :run_id) AND (NOT :open OR approved IS NULL)
  AND (:id IS NULL OR id = :id)
  AND (:agent IS NULL OR EXISTS (SELECT 1 FROM runs r WHERE r.tenant = approvals.tenant AND r.id = approvals.run_id AND r.agent = :agent))
  AND (NOT :overdue OR (approved IS NULL AND expires_at <= {now}))
  AND (:before IS NULL OR (created_at, id) < (SELECT b.created_at, b.id FROM approvals b WHERE b.tenant = :tenant AND b.id = :before))
  AND (:names IS NULL OR EXISTS (
    SELECT 1 FROM approval_turns t, json_each(t.asked) one WHERE t.tenant = approvals.tenant AND t.run_id = approvals.run_id AND t.approval_id = approvals.id
      AND t.due_at <= {now} AND one.value IN (SELECT value FROM json_each(:names)))
    OR (:anybody AND NOT EXISTS (SELECT 1 FROM approval_turns t WHERE t.tenant = approvals.tenant AND t.run_id = approvals.run_id AND t.approval_id = approvals.id AND t.place = 0)))
ORDER BY created_at DESC, id DESC LIMIT :limit
