-- Newest first.
SELECT * FROM erasures WHERE tenant = :tenant AND (:digest::text IS NULL OR digest = :digest) AND (:before::text IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
