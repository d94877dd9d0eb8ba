-- The next few workers round the ring: each watches some, all are watched.
(SELECT id, lease_until < {now} AS expired FROM workers WHERE lost_at IS NULL AND id > :id ORDER BY id LIMIT 3)
UNION ALL
(SELECT id, lease_until < {now} AS expired FROM workers WHERE lost_at IS NULL AND id < :id ORDER BY id LIMIT 3)
