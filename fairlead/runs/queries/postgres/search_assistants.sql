-- rows: id text, agent text, description text
-- The agents that the project declares are assistants too; `total` counts what fits, whatever the page.
SELECT found.*, count(*) OVER () AS total FROM (
    SELECT every.*, (CASE :sort::text WHEN 'assistant_id' THEN every.id WHEN 'graph_id' THEN every.agent
           WHEN 'created_at' THEN lpad(every.created_at::text, 20, '0') WHEN 'updated_at' THEN lpad(every.updated_at::text, 20, '0')
           ELSE lower(every.name) END) COLLATE "C" AS place
    FROM (
    SELECT v.id, v.agent, v.name, v.description, v.config, v.context, v.metadata, v.version,
           a.created_at, v.created_at AS updated_at, 0 AS declared
    FROM assistants a JOIN assistant_versions v ON v.tenant = a.tenant AND v.id = a.id AND v.version = a.version
    WHERE a.tenant = :tenant
    UNION ALL
    SELECT r.id, r.agent, r.agent, r.description, '{}', '{}', '{"created_by":"system"}'::jsonb, 1,
           :since::bigint, :since::bigint, 1 FROM {rows} AS r
    ) AS every
) AS found
WHERE (:agent::text IS NULL OR found.agent = :agent)
  AND (:name::text IS NULL OR strpos(lower(found.name), lower(:name)) > 0)
  AND (:metadata::text IS NULL OR found.metadata @> :metadata::jsonb)
ORDER BY CASE WHEN :descending::int = 0 THEN place END, CASE WHEN :descending = 1 THEN place END DESC, found.id COLLATE "C"
LIMIT :limit OFFSET :offset
