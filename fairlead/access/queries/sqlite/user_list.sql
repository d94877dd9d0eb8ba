-- Newest first; page by `before`, a user's id.
SELECT * FROM users
WHERE (:tenant IS NULL OR tenant = :tenant) AND status <> 'deleted' AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
