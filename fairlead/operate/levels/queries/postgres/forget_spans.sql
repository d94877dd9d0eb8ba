WITH old AS MATERIALIZED (
    SELECT process, began_at FROM service_spans WHERE last_at < :before LIMIT :batch FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM service_spans t USING old
    WHERE (t.process, t.began_at) = (old.process, old.began_at) RETURNING 1
)
SELECT count(*) AS swept FROM gone
