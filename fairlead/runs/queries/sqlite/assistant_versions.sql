-- Newest first.
SELECT id, agent, name, description, config, context, metadata, version, created_at, created_at AS updated_at, 0 AS declared
FROM assistant_versions
WHERE tenant = :tenant AND id = :id
  AND (:metadata IS NULL OR NOT EXISTS (
    SELECT 1 FROM json_each(:metadata) f WHERE NOT EXISTS (
        SELECT 1 FROM json_each(assistant_versions.metadata) m WHERE m.key = f.key AND m.type = f.type AND m.value IS f.value)))
ORDER BY version DESC LIMIT :limit OFFSET :offset
