SELECT a.* FROM delivery_attempts a
WHERE a.tenant = :tenant AND a.delivery_id IN (SELECT value FROM json_each(:ids)) ORDER BY delivery_id, number
