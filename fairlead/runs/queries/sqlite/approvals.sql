SELECT * FROM approvals
WHERE tenant = :tenant AND (:run_id IS NULL OR run_id = :run_id) AND (NOT :open OR approved IS NULL)
  AND (:id IS NULL OR id = :id)
  AND (:agent IS NULL OR EXISTS (SELECT 1 FROM runs r WHERE r.tenant = approvals.tenant AND r.id = approvals.run_id AND r.agent = :agent))
  AND (NOT :overdue OR (approved IS NULL AND expires_at <= {now}))
  AND (:before IS NULL OR (created_at, id) < (SELECT b.created_at, b.id FROM approvals b WHERE b.tenant = :tenant AND b.id = :before))
ORDER BY created_at DESC, id DESC LIMIT :limit
