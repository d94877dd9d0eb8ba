SELECT * FROM webhooks WHERE tenant = :tenant AND (:id IS NULL OR id = :id) ORDER BY created_at, id
