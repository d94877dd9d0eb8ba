WITH made AS (
    INSERT INTO assistants (tenant, id, version, created_at) VALUES (:tenant, :id, 1, {now})
    ON CONFLICT DO NOTHING RETURNING tenant, id, created_at
)
INSERT INTO assistant_versions (tenant, id, version, agent, name, description, config, context, metadata, created_at, created_by)
SELECT tenant, id, 1, :agent, :name, :description, :config, :context, :metadata::jsonb, created_at, :actor FROM made
RETURNING id
