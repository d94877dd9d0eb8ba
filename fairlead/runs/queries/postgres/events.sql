SELECT * FROM events WHERE tenant = :tenant AND run_id = :run_id AND seq > :after ORDER BY seq LIMIT :limit
