WITH old AS MATERIALIZED (
    SELECT tenant, dimension, hour, name FROM usage_hours WHERE hour < :before LIMIT :batch FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM usage_hours t USING old
    WHERE (t.tenant, t.dimension, t.hour, t.name) = (old.tenant, old.dimension, old.hour, old.name)
    RETURNING 1
)
SELECT count(*) AS deleted FROM gone
