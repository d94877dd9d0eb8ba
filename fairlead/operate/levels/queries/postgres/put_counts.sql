-- rows: at int, process text, kind text, bucket int, count int
INSERT INTO service_counts (span, at, process, kind, bucket, count)
SELECT 1, r.at, r.process, r.kind, r.bucket, r.count FROM {rows} AS r WHERE true
ON CONFLICT (span, at, process, kind, bucket) DO UPDATE SET count = excluded.count
