SELECT kind, bucket, sum(count)::bigint AS count FROM service_counts
WHERE (span = 1 AND at >= :since::bigint) OR (span = 60 AND at >= :since::bigint)
GROUP BY kind, bucket
