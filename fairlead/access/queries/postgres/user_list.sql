-- Newest first; page by `before`, a user's id.
SELECT * FROM users
WHERE (:tenant::text IS NULL OR tenant = :tenant) AND status <> 'deleted' AND (:before::text IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
