SELECT v.id, v.agent, v.name, v.description, v.config, v.context, v.metadata, v.version,
       a.created_at, v.created_at AS updated_at, 0 AS declared
FROM assistants a JOIN assistant_versions v ON v.tenant = a.tenant AND v.id = a.id AND v.version = a.version
WHERE a.tenant = :tenant AND a.id = :id
