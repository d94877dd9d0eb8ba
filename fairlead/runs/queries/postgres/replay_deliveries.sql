-- The same delivery again, with the same id, so that its receiver can tell.
UPDATE deliveries SET status = 'pending', finished_at = NULL, error = NULL, next_at = {now},
    give_up_at = {now} + :day_us
WHERE tenant = :tenant AND webhook_id = :webhook_id AND status <> 'pending'
  AND (:id::text IS NULL OR id = :id) AND (:since::bigint IS NULL OR created_at >= :since)
RETURNING id
