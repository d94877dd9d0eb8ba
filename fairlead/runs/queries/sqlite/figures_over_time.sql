SELECT minute, name, sum(count) AS count, sum(took_us) AS took_us, sum(cost_nano) AS cost_nano
FROM run_figures
WHERE kind = 'status' AND grain = :grain AND tenant IN (SELECT value FROM json_each(:tenants))
  AND minute >= :since AND minute < :until
  AND (:agent IS NULL OR agent = :agent) AND (:release IS NULL OR release = :release)
GROUP BY minute, name
