-- Newest first.
SELECT * FROM erasures WHERE tenant = :tenant AND (:digest IS NULL OR digest = :digest) AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
