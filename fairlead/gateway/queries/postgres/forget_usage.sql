WITH old AS MATERIALIZED (
    SELECT at, id FROM usage WHERE at < :before LIMIT :batch FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM usage t USING old
    WHERE (t.at, t.id) = (old.at, old.id) RETURNING 1
)
SELECT count(*) AS deleted FROM gone
