SELECT run_id, failed, last_at FROM usage_runs
WHERE tenant = :tenant AND run_id = ANY (ARRAY(SELECT jsonb_array_elements_text(:ids::jsonb)))
