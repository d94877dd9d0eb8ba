SELECT * FROM deliveries
WHERE tenant = :tenant AND webhook_id = :webhook_id AND (:status IS NULL OR status = :status)
  AND (:run_id IS NULL OR run_id = :run_id) AND (:id IS NULL OR id = :id) AND (:before IS NULL OR number < :before)
ORDER BY number DESC LIMIT :limit
