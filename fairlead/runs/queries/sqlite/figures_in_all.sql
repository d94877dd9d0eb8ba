-- Of a kind, by name, the most first: times by bucket, tools.
SELECT name, sum(count) AS count, sum(failed) AS failed
FROM run_figures
WHERE kind = :kind AND grain = :grain AND tenant IN (SELECT value FROM json_each(:tenants))
  AND minute >= :since AND minute < :until
  AND (:agent IS NULL OR agent = :agent) AND (:release IS NULL OR release = :release)
GROUP BY name ORDER BY 2 DESC, name LIMIT :most
