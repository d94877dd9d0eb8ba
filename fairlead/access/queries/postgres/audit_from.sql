-- The chain in its order, for who verifies it.
SELECT * FROM audit WHERE tenant = :tenant AND seq > :after ORDER BY seq LIMIT :limit
