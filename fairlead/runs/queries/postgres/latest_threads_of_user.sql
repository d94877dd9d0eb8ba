-- As latest_threads, of one user: by the index of users, so that those of the others cost nothing.
SELECT t.id, t.user_id, t.metadata, t.created_at, t.updated_at, a.status AS active_status, l.status AS last_status,
       l.id AS last_run_id, l.agent AS last_agent, l.input AS last_input
FROM (
    SELECT id, user_id, metadata, created_at, updated_at, active_run_id FROM threads
    WHERE tenant = :tenant AND user_id = :user_id AND (updated_at, id) < (:before_at::bigint, :before_id::text)
    ORDER BY updated_at DESC, id DESC LIMIT :looked_at
) AS t
LEFT JOIN runs a ON a.tenant = :tenant AND a.id = t.active_run_id
LEFT JOIN LATERAL (
    SELECT r.id, r.status, r.agent, r.input FROM runs r WHERE r.tenant = :tenant AND r.thread_id = t.id
    ORDER BY r.id DESC LIMIT 1) AS l ON true
WHERE (:metadata::text IS NULL OR t.metadata @> :metadata::jsonb)
  AND (:status::text IS NULL OR :status = CASE
    WHEN a.status IN ('pending', 'running') THEN 'busy' WHEN a.status = 'interrupted' THEN 'interrupted'
    WHEN l.status IN ('error', 'timeout') THEN 'error' ELSE 'idle' END)
ORDER BY t.updated_at DESC, t.id DESC LIMIT :limit
