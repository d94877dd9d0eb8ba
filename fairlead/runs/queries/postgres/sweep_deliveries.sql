WITH gone AS (
    DELETE FROM deliveries WHERE number IN (
        SELECT number FROM deliveries WHERE finished_at < :before ORDER BY finished_at LIMIT :batch FOR UPDATE SKIP LOCKED)
    RETURNING tenant, id
),
theirs AS (
    DELETE FROM delivery_attempts a USING gone WHERE a.tenant = gone.tenant AND a.delivery_id = gone.id
)
SELECT id FROM gone
