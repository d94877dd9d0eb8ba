-- Runs that have not ended, the oldest first.
SELECT id FROM runs
WHERE tenant = :tenant AND finished_at IS NULL
  AND (:ids::text IS NULL OR id IN (SELECT json_array_elements_text(:ids::json)))
  AND (:thread_id::text IS NULL OR thread_id = :thread_id)
  AND (:statuses::text IS NULL OR status IN (SELECT json_array_elements_text(:statuses::json)))
ORDER BY id LIMIT 1000
