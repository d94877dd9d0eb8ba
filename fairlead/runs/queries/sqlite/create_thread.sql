INSERT INTO threads (tenant, id, metadata, created_at, updated_at) VALUES (:tenant, :id, :metadata, {now}, {now})
ON CONFLICT DO NOTHING RETURNING *
