-- Ids of threads that begin so, in order.
SELECT id FROM threads WHERE tenant = :tenant AND id >= :first AND id < :beyond ORDER BY id LIMIT :limit
