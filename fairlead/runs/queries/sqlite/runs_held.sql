-- Whose runs: those of a user, and nobody's in a thread of theirs; without a user all of the tenant.
SELECT id FROM runs
WHERE tenant = :tenant AND id > :after AND (:user_id IS NULL OR user_id = :user_id OR (user_id IS NULL AND thread_id IN (
    SELECT t.id FROM threads t WHERE t.tenant = :tenant AND t.user_id = :user_id)))
  AND (:ended IS NULL OR (:ended = 1 AND finished_at IS NOT NULL)
       OR (:ended = 0 AND finished_at IS NULL AND status IN ('pending', 'running', 'interrupted')))
ORDER BY id LIMIT :limit
