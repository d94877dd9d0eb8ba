-- rows: tenant text, id text
-- Runs that have ended, and all that is known of them.
DROP TABLE IF EXISTS temp.gone;
CREATE TEMP TABLE gone AS
SELECT tenant, id FROM runs WHERE finished_at IS NOT NULL AND (tenant, id) IN (SELECT tenant, id FROM {rows} AS g);
DELETE FROM delivery_attempts WHERE (tenant, delivery_id) IN (
    SELECT d.tenant, d.id FROM deliveries d JOIN gone ON d.tenant = gone.tenant AND d.run_id = gone.id);
DELETE FROM deliveries WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM events WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM messages WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM approvals WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM scores WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM score_links WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM store_file_uses WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM runs WHERE (tenant, id) IN (SELECT tenant, id FROM gone);
