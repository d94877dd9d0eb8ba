-- From here on in both directions.
INSERT INTO run_folds (name, ahead_at, behind_at)
SELECT 'runs', n.at, n.at FROM (SELECT {now} - :settled AS at) AS n WHERE true
ON CONFLICT DO NOTHING;
