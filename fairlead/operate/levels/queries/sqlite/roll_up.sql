-- A batch of minutes becomes part of its hours. Rows move: done again, or by several at once, each counts once.
CREATE TEMP TABLE IF NOT EXISTS service_counts_old (at, process, kind, bucket, count);
DELETE FROM temp.service_counts_old;
INSERT INTO temp.service_counts_old
SELECT at, process, kind, bucket, count FROM service_counts WHERE span = 1 AND at < :before ORDER BY at LIMIT :batch;
INSERT INTO service_counts (span, at, process, kind, bucket, count)
SELECT 60, o.at / 60 * 60, '', o.kind, o.bucket, sum(o.count) FROM temp.service_counts_old o WHERE true
GROUP BY o.at / 60, o.kind, o.bucket
ON CONFLICT (span, at, process, kind, bucket) DO UPDATE SET count = service_counts.count + excluded.count;
DELETE FROM service_counts WHERE span = 1 AND (at, process, kind, bucket) IN (
    SELECT at, process, kind, bucket FROM temp.service_counts_old
);
SELECT count(*) AS swept FROM temp.service_counts_old
