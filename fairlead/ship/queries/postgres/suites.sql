-- Suites there are anything of, with the agent each was put to last.
SELECT e.suite, e.agent FROM evaluations e
JOIN (SELECT suite, max(started_at) AS newest FROM evaluations WHERE environment = :environment GROUP BY suite) last
  ON last.suite = e.suite AND last.newest = e.started_at
WHERE e.environment = :environment
UNION
SELECT c.suite, c.agent FROM kept_cases c
WHERE c.environment = :environment AND c.tenant = :tenant AND c.removed_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM evaluations e WHERE e.environment = c.environment AND e.suite = c.suite)
ORDER BY 1
