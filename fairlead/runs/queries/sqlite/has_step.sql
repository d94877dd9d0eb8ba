SELECT 1 AS one FROM events WHERE tenant = :tenant AND run_id = :run_id AND key = :key LIMIT 1
