-- Of a thread or a parent, found by it and not among all runs. Newest first; with `after`, a run's id, those just newer
-- than it, the nearest first.
SELECT * FROM runs
WHERE tenant = :tenant
  AND (:status IS NULL OR status = :status)
  AND (:agent IS NULL OR agent = :agent)
  AND (:release IS NULL OR release = :release)
  AND (:reason IS NULL OR reason = :reason)
  AND id IN (
    SELECT id FROM runs WHERE tenant = :tenant AND thread_id = :thread_id
    UNION ALL SELECT id FROM runs WHERE tenant = :tenant AND parent_id = :parent_id)
  AND (:thread_id IS NULL OR thread_id = :thread_id)
  AND (:parent_id IS NULL OR parent_id = :parent_id)
  AND (:user_id IS NULL OR user_id = :user_id)
  AND (:before IS NULL OR id < :before)
  AND (:after IS NULL OR id > :after)
  AND (:text IS NULL OR id LIKE '%' || :text || '%' OR input LIKE '%' || :text || '%')
  AND (:metadata IS NULL OR NOT EXISTS (
    SELECT 1 FROM json_each(:metadata) f WHERE json_extract(runs.metadata, '$."' || f.key || '"') IS NOT f.value))
ORDER BY CASE WHEN :after IS NULL THEN id END DESC, id LIMIT :limit OFFSET :offset
