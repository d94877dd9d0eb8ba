-- How many wait for a worker, counted up to `most`, since when the oldest of them does, and how many were given up since.
SELECT count(*) AS depth, min(found.created_at) AS oldest, (
    SELECT count(*) FROM runs WHERE finished_at >= :since AND NOT pruned AND reason = 'poison'
) AS poisoned
FROM (SELECT created_at FROM runs WHERE status = 'pending' AND wake_at IS NULL LIMIT :most) AS found
