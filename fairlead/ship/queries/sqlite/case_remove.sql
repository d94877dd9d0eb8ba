UPDATE kept_cases
SET removed_by = :removed_by, removed_at = {now}, inputs = 'null', expected_output = NULL, evaluators = '[]'
WHERE environment = :environment AND tenant = :tenant AND id = :id AND removed_at IS NULL
RETURNING *
