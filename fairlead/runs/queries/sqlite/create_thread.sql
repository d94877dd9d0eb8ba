INSERT INTO threads (tenant, id, metadata, user_id, created_at, updated_at)
VALUES (:tenant, :id, :metadata, :user_id, {now}, {now})
ON CONFLICT DO NOTHING RETURNING *
