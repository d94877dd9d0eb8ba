SELECT * FROM approvals
WHERE tenant = :tenant AND (:run_id IS NULL OR run_id = :run_id) AND (NOT :open OR approved IS NULL)
  AND (:id IS NULL OR id = :id)
ORDER BY created_at DESC LIMIT :limit
