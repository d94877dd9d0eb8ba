-- From here on in both directions, if anything lies behind.
INSERT INTO run_folds (name, ahead_at, behind_at)
SELECT 'runs', n.at, CASE WHEN EXISTS (SELECT 1 FROM runs WHERE finished_at <= n.at) THEN n.at ELSE 0 END
FROM (SELECT {now} - :settled AS at) AS n WHERE true
ON CONFLICT DO NOTHING;
