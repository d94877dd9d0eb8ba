-- Runs that wait for a person, by why: among the newest that were interrupted.
SELECT reason, count(*) AS count, min(created_at) AS oldest FROM (
    SELECT reason, created_at, finished_at FROM runs WHERE status = 'interrupted' AND tenant = :tenant
    ORDER BY id DESC LIMIT :most) AS newest
WHERE finished_at IS NULL AND reason IS NOT NULL
GROUP BY reason
