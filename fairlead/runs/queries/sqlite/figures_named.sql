-- Whose runs ended since, the ones used last first.
SELECT agent, release, max(minute) AS minute FROM run_figures
WHERE kind = 'status' AND grain = 1440 AND tenant IN (SELECT value FROM json_each(:tenants)) AND minute >= :since
GROUP BY agent, release ORDER BY 3 DESC, agent, release LIMIT :most
