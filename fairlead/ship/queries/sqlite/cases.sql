-- The oldest first: the order in which they stand in a suite.
SELECT * FROM kept_cases
WHERE environment = :environment AND tenant = :tenant AND removed_at IS NULL
  AND (CAST(:suite AS text) IS NULL OR suite = :suite) AND (CAST(:id AS text) IS NULL OR id = :id)
  AND (CAST(:run_id AS text) IS NULL OR run_id = :run_id)
ORDER BY kept_at, id LIMIT :limit
