-- As search_threads.
SELECT count(*) AS count FROM (
SELECT * FROM (
    SELECT t.*, r.status AS active_status, r.reason AS active_reason,
           (SELECT l.status FROM runs l WHERE l.tenant = t.tenant AND l.thread_id = t.id ORDER BY l.id DESC LIMIT 1) AS last_status
    FROM threads t LEFT JOIN runs r ON r.tenant = t.tenant AND r.id = t.active_run_id
    WHERE t.tenant = :tenant
      AND (:user_id IS NULL OR t.user_id = :user_id)
      AND (:ids IS NULL OR t.id IN (SELECT value FROM json_each(:ids)))
      AND (:metadata IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_each(:metadata) f WHERE json_extract(t.metadata, '$."' || f.key || '"') IS NOT f.value))
) AS found
WHERE :status IS NULL OR :status = CASE
    WHEN active_status IN ('pending', 'running') THEN 'busy'
    WHEN active_status = 'interrupted' THEN 'interrupted'
    WHEN last_status IN ('error', 'timeout') THEN 'error' ELSE 'idle' END
LIMIT 1000000) AS counted
