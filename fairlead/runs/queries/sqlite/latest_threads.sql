-- Threads of a tenant, those with the latest activity first; page by the last one's `updated_at` and id.
-- At most :looked_at are looked at: a filter that fits few never walks through a million.
SELECT t.id, t.user_id, t.metadata, t.created_at, t.updated_at, a.status AS active_status, l.status AS last_status,
       l.id AS last_run_id, l.agent AS last_agent, l.input AS last_input
FROM (
    SELECT id, user_id, metadata, created_at, updated_at, active_run_id FROM threads
    WHERE tenant = :tenant AND (updated_at, id) < (:before_at, :before_id)
    ORDER BY updated_at DESC, id DESC LIMIT :looked_at
) AS t
LEFT JOIN runs a ON a.tenant = :tenant AND a.id = t.active_run_id
LEFT JOIN runs l ON l.tenant = :tenant AND l.id = (
    SELECT r.id FROM runs r WHERE r.tenant = :tenant AND r.thread_id = t.id ORDER BY r.id DESC LIMIT 1)
WHERE (:metadata IS NULL OR NOT EXISTS (
    SELECT 1 FROM json_each(:metadata) f WHERE json_extract(t.metadata, '$."' || f.key || '"') IS NOT f.value))
  AND (:status IS NULL OR :status = CASE
    WHEN a.status IN ('pending', 'running') THEN 'busy' WHEN a.status = 'interrupted' THEN 'interrupted'
    WHEN l.status IN ('error', 'timeout') THEN 'error' ELSE 'idle' END)
ORDER BY t.updated_at DESC, t.id DESC LIMIT :limit
