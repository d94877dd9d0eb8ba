INSERT INTO webhooks (tenant, id, url, agent, types, description, secrets, created_at, created_by)
VALUES (:tenant, :id, :url, :agent, :types, :description, :secrets, {now}, :actor)
ON CONFLICT DO NOTHING
RETURNING *
