-- Newest first.
SELECT * FROM store_files
WHERE tenant = :tenant AND (:user_id IS NULL OR user_id = :user_id) AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
