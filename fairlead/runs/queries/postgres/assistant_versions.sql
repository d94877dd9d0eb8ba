-- Newest first.
SELECT id, agent, name, description, config, context, metadata, version, created_at, created_at AS updated_at, 0 AS declared
FROM assistant_versions
WHERE tenant = :tenant AND id = :id AND (:metadata::text IS NULL OR metadata @> :metadata::jsonb)
ORDER BY version DESC LIMIT :limit OFFSET :offset
