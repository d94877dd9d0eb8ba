DELETE FROM service_counts WHERE (span, at, process, kind, bucket) IN (SELECT span, at, process, kind, bucket FROM service_counts WHERE at < :before LIMIT :batch);
SELECT changes() AS swept
