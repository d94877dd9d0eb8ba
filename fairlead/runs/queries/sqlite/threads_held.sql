-- A user's, or all of the tenant; those first in which no run is under way.
SELECT id, busy FROM (
    SELECT t.id, EXISTS (
        SELECT 1 FROM runs r WHERE r.tenant = t.tenant AND r.thread_id = t.id AND r.finished_at IS NULL) AS busy
    FROM threads t WHERE t.tenant = :tenant AND (:user_id IS NULL OR t.user_id = :user_id)
) AS held ORDER BY busy, id LIMIT :limit
