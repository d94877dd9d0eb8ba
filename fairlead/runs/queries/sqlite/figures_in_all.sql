-- rows: grain int, since int, until int
-- Of a kind, by name, the most first: times by bucket, tools.
SELECT f.name, sum(f.count) AS count, sum(f.failed) AS failed
FROM {rows} AS p CROSS JOIN json_each(:tenants) AS t CROSS JOIN run_figures f
WHERE f.kind = :kind AND f.grain = p.grain AND f.tenant = t.value AND f.minute >= p.since AND f.minute < p.until
  AND (:agent IS NULL OR f.agent = :agent) AND (:release IS NULL OR f.release = :release)
GROUP BY f.name ORDER BY 2 DESC, f.name LIMIT :most
