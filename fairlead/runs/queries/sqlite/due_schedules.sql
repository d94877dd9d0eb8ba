-- The oldest first. One that waits for the run before it stays where it is, and must not stand before the others.
SELECT due.* FROM (
    SELECT s.*, {now} AS now, EXISTS (
        SELECT 1 FROM runs r WHERE r.tenant = s.tenant AND r.id = s.last_run_id AND r.finished_at IS NULL) AS busy
    FROM schedules s WHERE enabled AND next_at <= {now}) AS due
WHERE NOT (busy AND overlap = 'queue')
ORDER BY next_at LIMIT :limit
