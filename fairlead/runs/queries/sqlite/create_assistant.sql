INSERT INTO assistants (tenant, id, version, created_at) VALUES (:tenant, :id, 1, {now})
ON CONFLICT DO NOTHING RETURNING id;
INSERT INTO assistant_versions (tenant, id, version, agent, name, description, config, context, metadata, created_at, created_by)
VALUES (:tenant, :id, 1, :agent, :name, :description, :config, :context, :metadata, {now}, :actor)
ON CONFLICT DO NOTHING RETURNING id;
