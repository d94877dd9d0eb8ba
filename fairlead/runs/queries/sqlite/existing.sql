SELECT * FROM runs
WHERE tenant = :tenant AND (id = :id OR (idempotency_key IS NOT NULL AND idempotency_key = :idempotency_key))
LIMIT 1
