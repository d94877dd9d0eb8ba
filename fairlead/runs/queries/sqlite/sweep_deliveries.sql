DROP TABLE IF EXISTS temp.swept;
CREATE TEMP TABLE swept AS
SELECT number, tenant, id FROM deliveries WHERE finished_at < :before ORDER BY finished_at LIMIT :batch;
DELETE FROM delivery_attempts WHERE (tenant, delivery_id) IN (SELECT tenant, id FROM swept);
DELETE FROM deliveries WHERE number IN (SELECT number FROM swept) RETURNING id;
