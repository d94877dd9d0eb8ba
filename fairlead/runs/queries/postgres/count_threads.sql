-- As search_threads.
SELECT count(*) AS count FROM (
SELECT * FROM (
    SELECT t.*, r.status AS active_status, r.reason AS active_reason,
           (SELECT l.status FROM runs l WHERE l.tenant = t.tenant AND l.thread_id = t.id ORDER BY l.id DESC LIMIT 1) AS last_status
    FROM threads t LEFT JOIN runs r ON r.tenant = t.tenant AND r.id = t.active_run_id
    WHERE t.tenant = :tenant
      AND (:user_id::text IS NULL OR t.user_id = :user_id)
      AND (:ids::text IS NULL OR t.id IN (SELECT jsonb_array_elements_text(:ids::jsonb)))
      AND (:metadata::text IS NULL OR t.metadata @> :metadata::jsonb)
) AS found
WHERE :status::text IS NULL OR :status = CASE
    WHEN active_status IN ('pending', 'running') THEN 'busy'
    WHEN active_status = 'interrupted' THEN 'interrupted'
    WHEN last_status IN ('error', 'timeout') THEN 'error' ELSE 'idle' END
LIMIT 1000000) AS counted
