-- rows: id text, agent text, description text
-- The agents that the project declares are assistants too; `total` counts what fits, whatever the page.
SELECT found.*, count(*) OVER () AS total FROM (
    SELECT every.*, CASE :sort WHEN 'assistant_id' THEN every.id WHEN 'graph_id' THEN every.agent
           WHEN 'created_at' THEN printf('%020d', every.created_at) WHEN 'updated_at' THEN printf('%020d', every.updated_at)
           ELSE lower(every.name) END AS place
    FROM (
    SELECT v.id, v.agent, v.name, v.description, v.config, v.context, v.metadata, v.version,
           a.created_at, v.created_at AS updated_at, 0 AS declared
    FROM assistants a JOIN assistant_versions v ON v.tenant = a.tenant AND v.id = a.id AND v.version = a.version
    WHERE a.tenant = :tenant
    UNION ALL
    SELECT r.id, r.agent, r.agent, r.description, '{}', '{}', '{"created_by":"system"}', 1,
           :since, :since, 1 FROM {rows} AS r
    ) AS every
) AS found
WHERE (:agent IS NULL OR found.agent = :agent)
  AND (:name IS NULL OR instr(lower(found.name), lower(:name)) > 0)
  AND (:metadata IS NULL OR NOT EXISTS (
    SELECT 1 FROM json_each(:metadata) f WHERE NOT EXISTS (
        SELECT 1 FROM json_each(found.metadata) m WHERE m.key = f.key AND m.type = f.type AND m.value IS f.value)))
ORDER BY CASE WHEN :descending = 0 THEN place END, CASE WHEN :descending = 1 THEN place END DESC, found.id
LIMIT :limit OFFSET :offset
