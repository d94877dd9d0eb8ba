-- Where the next batch ends. Those that ended at the same moment go together. What ended just now is left: a transaction
-- that began before may yet bring more of that time. A union, since the index of those that are pruned is another one.
SELECT max(batch.finished_at) AS bound FROM (
    SELECT finished_at FROM (
        SELECT * FROM (SELECT finished_at FROM runs
            WHERE finished_at > :after AND finished_at <= {now} - :settled::bigint AND NOT pruned
            ORDER BY finished_at LIMIT :batch) AS whole
        UNION ALL
        SELECT * FROM (SELECT finished_at FROM runs
            WHERE finished_at > :after AND finished_at <= {now} - :settled::bigint AND pruned
            ORDER BY finished_at LIMIT :batch) AS emptied
    ) AS ended ORDER BY finished_at LIMIT :batch
) AS batch
