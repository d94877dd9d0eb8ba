SELECT environment, id, suite, digest, agent, release, started_by, started_at, finished_at, verdict, bounds, findings,
       figures, '[]' AS outcomes
FROM evaluations
WHERE environment = :environment AND (CAST(:suite AS text) IS NULL OR suite = :suite)
  AND (CAST(:release AS text) IS NULL OR release = :release)
  AND (CAST(:before_at AS bigint) IS NULL OR (started_at, id) < (CAST(:before_at AS bigint), CAST(:before_id AS text)))
ORDER BY started_at DESC, id DESC LIMIT :limit
