SELECT * FROM approvals
WHERE tenant = :tenant AND (:run_id::text IS NULL OR run_id = :run_id) AND (NOT :open::boolean OR approved IS NULL)
  AND (:id::text IS NULL OR id = :id)
ORDER BY created_at DESC LIMIT :limit
