SELECT * FROM deliveries
WHERE tenant = :tenant AND webhook_id = :webhook_id AND (:status::text IS NULL OR status = :status)
  AND (:run_id::text IS NULL OR run_id = :run_id) AND (:id::text IS NULL OR id = :id)
  AND (:before::bigint IS NULL OR number < :before)
ORDER BY number DESC LIMIT :limit
