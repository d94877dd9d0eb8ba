-- What is old, and what nobody wants kept.
DROP TABLE IF EXISTS temp.old;
CREATE TEMP TABLE old AS
SELECT * FROM (SELECT tenant, id FROM runs WHERE finished_at < :before AND pruned LIMIT :batch)
UNION SELECT * FROM (SELECT tenant, id FROM runs WHERE discard IS NOT NULL AND finished_at < :read_by LIMIT :batch);
DELETE FROM events WHERE (tenant, run_id) IN (SELECT tenant, id FROM old);
DELETE FROM messages WHERE (tenant, run_id) IN (SELECT tenant, id FROM old);
DELETE FROM scores WHERE (tenant, run_id) IN (SELECT tenant, id FROM old);
DELETE FROM approvals WHERE (tenant, run_id) IN (SELECT tenant, id FROM old);
DELETE FROM runs WHERE (tenant, id) IN (SELECT tenant, id FROM old) RETURNING tenant, id;
