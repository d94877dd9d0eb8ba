WITH old AS MATERIALIZED (
    SELECT span, at, process, kind, bucket FROM service_counts WHERE at < :before LIMIT :batch FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM service_counts t USING old
    WHERE (t.span, t.at, t.process, t.kind, t.bucket) = (old.span, old.at, old.process, old.kind, old.bucket) RETURNING 1
)
SELECT count(*) AS swept FROM gone
