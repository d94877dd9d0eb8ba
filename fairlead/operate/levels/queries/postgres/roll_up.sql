-- A batch of minutes becomes part of its hours. Rows move: done again, or by several at once, each counts once.
WITH old AS MATERIALIZED (
    SELECT span, at, process, kind, bucket FROM service_counts WHERE span = 1 AND at < :before
    ORDER BY span, at LIMIT :batch FOR UPDATE SKIP LOCKED
),
moved AS (
    DELETE FROM service_counts c USING old
    WHERE (c.span, c.at, c.process, c.kind, c.bucket) = (old.span, old.at, old.process, old.kind, old.bucket)
    RETURNING c.at, c.kind, c.bucket, c.count
),
added AS (
    INSERT INTO service_counts (span, at, process, kind, bucket, count)
    SELECT 60, m.at / 60 * 60, '', m.kind, m.bucket, sum(m.count) FROM moved m GROUP BY 2, 4, 5 ORDER BY 2, 4, 5
    ON CONFLICT (span, at, process, kind, bucket) DO UPDATE SET count = service_counts.count + excluded.count
)
SELECT count(*) AS swept FROM moved
