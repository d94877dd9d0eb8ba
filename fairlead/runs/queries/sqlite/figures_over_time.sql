-- rows: grain int, since int, until int
SELECT f.minute, f.name, sum(f.count) AS count, sum(f.took_us) AS took_us, sum(f.cost_nano) AS cost_nano
FROM {rows} AS p CROSS JOIN json_each(:tenants) AS t CROSS JOIN run_figures f
WHERE f.kind = 'status' AND f.grain = p.grain AND f.tenant = t.value AND f.minute >= p.since AND f.minute < p.until
  AND (:agent IS NULL OR f.agent = :agent) AND (:release IS NULL OR f.release = :release)
GROUP BY f.minute, f.name
