-- A run that has ended, and all that is known of it; with `only` when it is to be discarded like that.
DROP TABLE IF EXISTS temp.gone;
CREATE TEMP TABLE gone AS SELECT tenant, id FROM runs
WHERE tenant = :tenant AND id = :id AND finished_at IS NOT NULL AND (:only IS NULL OR discard = :only);
DELETE FROM events WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM messages WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM approvals WHERE (tenant, run_id) IN (SELECT tenant, id FROM gone);
DELETE FROM runs WHERE (tenant, id) IN (SELECT tenant, id FROM gone) RETURNING id;
