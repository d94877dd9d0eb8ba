-- From here on in both directions.
INSERT INTO run_folds (name, ahead_at, behind_at)
SELECT 'runs', n.at, n.at FROM (SELECT {now} - :settled::bigint AS at OFFSET 0) AS n
ON CONFLICT DO NOTHING
