INSERT INTO store_files (tenant, id, name, media_type, size, blob, user_id, created_by, created_at, expires_at)
VALUES (:tenant, :id, :name, :media_type, :size, :blob, :user_id, :actor, :now, :expires_at)
ON CONFLICT DO NOTHING
