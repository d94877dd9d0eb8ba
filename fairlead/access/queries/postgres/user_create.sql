-- One who was deleted may come again.
INSERT INTO users (tenant, id, digest, name, email, subject, role, status, created_at, created_by, version)
VALUES (:tenant, :id, :digest, :name, :email, :subject, :role, 'active', :at, :by, (SELECT version FROM user_changes))
ON CONFLICT (tenant, digest) DO UPDATE
SET id = excluded.id, name = excluded.name, email = excluded.email, subject = excluded.subject, role = excluded.role,
    status = 'active', created_at = excluded.created_at, created_by = excluded.created_by, last_seen_at = NULL,
    valid_from = excluded.created_at, version = excluded.version
WHERE users.status = 'deleted'
RETURNING *
