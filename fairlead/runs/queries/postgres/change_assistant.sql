-- The next version, made from :expected: who changed it in between goes first, and we are told by no row.
WITH held AS (
    UPDATE assistants a SET version = (SELECT max(v.version) + 1 FROM assistant_versions v
                                       WHERE v.tenant = a.tenant AND v.id = a.id)
    WHERE tenant = :tenant AND id = :id AND version = :expected::int RETURNING tenant, id, version
)
INSERT INTO assistant_versions (tenant, id, version, agent, name, description, config, context, metadata, created_at, created_by)
SELECT tenant, id, version, :agent, :name, :description, :config, :context, :metadata::jsonb, {now}, :actor FROM held
RETURNING id
