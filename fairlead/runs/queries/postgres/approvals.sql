SELECT approvals.*, (SELECT json_agg(json_build_array(t.place, t.due_at, t.asked::json) ORDER BY t.place)::text
    FROM approval_turns t WHERE t.tenant = approvals.tenant AND t.run_id = approvals.run_id AND t.approval_id = approvals.id) AS turns
FROM approvals
WHERE tenant = :tenant AND (:run_id::text IS NULL OR run_id = :run_id) AND (NOT :open::boolean OR approved IS NULL)
  AND (:id::text IS NULL OR id = :id)
  AND (:agent::text IS NULL OR EXISTS (SELECT 1 FROM runs r WHERE r.tenant = approvals.tenant AND r.id = approvals.run_id AND r.agent = :agent))
  AND (NOT :overdue OR (approved IS NULL AND expires_at <= {now}))
  AND (:before::text IS NULL OR (created_at, id) < (SELECT b.created_at, b.id FROM approvals b WHERE b.tenant = :tenant AND b.id = :before))
  AND (:names::text IS NULL OR EXISTS (
    SELECT 1 FROM approval_turns t, json_array_elements_text(t.asked::json) one WHERE t.tenant = approvals.tenant AND t.run_id = approvals.run_id AND t.approval_id = approvals.id
      AND t.due_at <= {now} AND one IN (SELECT json_array_elements_text(:names::json)))
    OR (:anybody::boolean AND NOT EXISTS (SELECT 1 FROM approval_turns t WHERE t.tenant = approvals.tenant AND t.run_id = approvals.run_id AND t.approval_id = approvals.id AND t.place = 0)))
ORDER BY created_at DESC, id DESC LIMIT :limit
