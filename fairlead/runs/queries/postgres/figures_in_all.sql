-- Of a kind, by name, the most first: times by bucket, tools.
SELECT name, sum(count)::bigint AS count, sum(failed)::bigint AS failed
FROM run_figures
WHERE kind = :kind AND grain = :grain AND tenant IN (SELECT json_array_elements_text(:tenants::json))
  AND minute >= :since AND minute < :until
  AND (:agent::text IS NULL OR agent = :agent) AND (:release::text IS NULL OR release = :release)
GROUP BY name ORDER BY 2 DESC, name LIMIT :most
