SELECT * FROM webhooks WHERE tenant = :tenant AND (:id::text IS NULL OR id = :id) ORDER BY created_at, id
