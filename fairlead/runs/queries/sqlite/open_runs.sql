-- Runs that have not ended, the oldest first.
SELECT id FROM runs
WHERE tenant = :tenant AND finished_at IS NULL
  AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
  AND (:thread_id IS NULL OR thread_id = :thread_id)
  AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
ORDER BY id LIMIT 1000
