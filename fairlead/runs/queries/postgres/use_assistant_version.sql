UPDATE assistants SET version = :version
WHERE tenant = :tenant AND id = :id AND EXISTS (
    SELECT 1 FROM assistant_versions v WHERE v.tenant = :tenant AND v.id = :id AND v.version = :version::int)
RETURNING id
