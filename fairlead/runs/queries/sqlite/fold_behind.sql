-- Where the next batch begins, going back from `until` and not beyond `oldest`.
SELECT min(batch.finished_at) AS bound FROM (
    SELECT finished_at FROM (
        SELECT * FROM (SELECT finished_at FROM runs WHERE finished_at <= :until AND finished_at >= :oldest AND NOT pruned
            ORDER BY finished_at DESC LIMIT :batch) AS whole
        UNION ALL
        SELECT * FROM (SELECT finished_at FROM runs WHERE finished_at <= :until AND finished_at >= :oldest AND pruned
            ORDER BY finished_at DESC LIMIT :batch) AS emptied
    ) AS ended ORDER BY finished_at DESC LIMIT :batch
) AS batch
