WITH old AS MATERIALIZED (
    SELECT tenant, run_id FROM usage_runs WHERE last_hour < :before LIMIT :batch FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM usage_runs t USING old
    WHERE (t.tenant, t.run_id) = (old.tenant, old.run_id) RETURNING 1
)
SELECT count(*) AS deleted FROM gone
