SELECT kind, bucket, sum(count) AS count FROM service_counts
WHERE (span = 1 AND at >= :since) OR (span = 60 AND at >= :since)
GROUP BY kind, bucket
