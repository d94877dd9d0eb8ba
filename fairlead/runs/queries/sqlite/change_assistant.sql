-- The next version, made from :expected: who changed it in between goes first, and we are told by no row.
INSERT INTO assistant_versions (tenant, id, version, agent, name, description, config, context, metadata, created_at, created_by)
SELECT tenant, id, (SELECT max(v.version) + 1 FROM assistant_versions v WHERE v.tenant = a.tenant AND v.id = a.id),
       :agent, :name, :description, :config, :context, :metadata, {now}, :actor
FROM assistants a WHERE tenant = :tenant AND id = :id AND version = :expected;
UPDATE assistants SET version = (SELECT max(v.version) FROM assistant_versions v
                                 WHERE v.tenant = assistants.tenant AND v.id = assistants.id)
WHERE tenant = :tenant AND id = :id AND version = :expected RETURNING id;
