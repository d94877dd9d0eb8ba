-- Newest first.
SELECT * FROM checkpoints
WHERE tenant = :tenant AND thread_id = :thread_id
  AND (:before IS NULL OR created_at < :before OR (created_at = :before AND id < :before_id))
ORDER BY created_at DESC, id DESC LIMIT :limit
