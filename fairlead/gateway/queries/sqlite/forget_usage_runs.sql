DELETE FROM usage_runs WHERE (tenant, run_id) IN (
    SELECT tenant, run_id FROM usage_runs WHERE last_hour < :before LIMIT :batch
);
SELECT changes() AS deleted;
