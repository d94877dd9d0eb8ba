SELECT environment, id, suite, run_id FROM kept_cases
WHERE tenant = :tenant AND (CAST(:user_id AS text) IS NULL OR user_id = :user_id)
ORDER BY environment, id LIMIT :batch
