-- The first of each lane and run that has nothing undone before it; at most `each` of a lane, none of those that are
-- busy here. A lease is a later `next_at`; the attempt's number is its fence.
UPDATE deliveries SET attempts = attempts + 1, next_at = {now} + :lease_us
WHERE number IN (
    SELECT number FROM (
        SELECT number, row_number() OVER (PARTITION BY tenant, lane ORDER BY number) AS place
        FROM deliveries d
        WHERE status = 'pending' AND next_at <= {now}
          AND lane NOT IN (SELECT value FROM json_each(:busy))
          AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.tenant = d.tenant AND e.lane = d.lane
                          AND e.run_id = d.run_id AND e.status = 'pending' AND e.number < d.number))
    WHERE place <= :each ORDER BY number LIMIT :slots)
RETURNING *
