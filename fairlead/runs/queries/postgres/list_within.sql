-- Of a thread or a parent, found by it and not among all runs. Newest first; with `after`, a run's id, those just newer
-- than it, the nearest first.
SELECT * FROM runs
WHERE tenant = :tenant
  AND (:status::text IS NULL OR status = :status)
  AND (:agent::text IS NULL OR agent = :agent)
  AND (:release::text IS NULL OR release = :release)
  AND (:reason::text IS NULL OR reason = :reason)
  AND id IN (
    SELECT id FROM runs WHERE tenant = :tenant AND thread_id = :thread_id
    UNION ALL SELECT id FROM runs WHERE tenant = :tenant AND parent_id = :parent_id)
  AND (:thread_id::text IS NULL OR thread_id = :thread_id)
  AND (:parent_id::text IS NULL OR parent_id = :parent_id)
  AND (:user_id::text IS NULL OR user_id = :user_id)
  AND (:before::text IS NULL OR id < :before)
  AND (:after::text IS NULL OR id > :after)
  AND (:text::text IS NULL OR id LIKE '%' || :text || '%' OR input ILIKE '%' || :text || '%')
  AND (:metadata::text IS NULL OR metadata @> :metadata::jsonb)
ORDER BY CASE WHEN :after::text IS NULL THEN id END DESC, id LIMIT :limit OFFSET :offset
