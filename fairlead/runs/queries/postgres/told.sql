-- As an `Event` has its fields.
SELECT run_id, seq, type, at, kind, name, key, branch, digest, started_at, fence, data
FROM events WHERE tenant = :tenant AND run_id = :run_id AND seq > :after ORDER BY seq LIMIT :limit
