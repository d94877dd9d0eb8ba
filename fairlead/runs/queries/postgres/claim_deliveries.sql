-- The first of each lane and run that has nothing undone before it; at most `each` of a lane, none of those that are
-- busy here. A lease is a later `next_at`; the attempt's number is its fence.
WITH due AS MATERIALIZED (
    SELECT number, row_number() OVER (PARTITION BY tenant, lane ORDER BY number) AS place
    FROM deliveries d
    WHERE status = 'pending' AND next_at <= {now}
      AND lane NOT IN (SELECT json_array_elements_text(:busy::json))
      AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.tenant = d.tenant AND e.lane = d.lane AND e.run_id = d.run_id
                      AND e.status = 'pending' AND e.number < d.number)
),
picked AS MATERIALIZED (
    SELECT d.number FROM deliveries d JOIN due ON due.number = d.number
    WHERE due.place <= :each AND d.status = 'pending' AND d.next_at <= {now}
    ORDER BY d.number LIMIT :slots FOR UPDATE OF d SKIP LOCKED
)
UPDATE deliveries d SET attempts = d.attempts + 1, next_at = {now} + :lease_us
FROM picked WHERE d.number = picked.number
RETURNING d.*
