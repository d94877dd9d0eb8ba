WITH versions AS (DELETE FROM assistant_versions WHERE tenant = :tenant AND id = :id)
DELETE FROM assistants WHERE tenant = :tenant AND id = :id RETURNING id
