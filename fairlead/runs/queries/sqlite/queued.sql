-- How many wait for a worker, counted up to `most`.
SELECT count(*) AS depth FROM (
    SELECT 1 FROM runs WHERE status = 'pending' AND wake_at IS NULL LIMIT :most) AS found
