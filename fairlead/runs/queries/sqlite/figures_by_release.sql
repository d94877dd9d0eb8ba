-- rows: grain int, since int, until int
-- How runs ended and how long they executed, of each release.
SELECT f.release, f.kind, f.name, sum(f.count) AS count, sum(f.took_us) AS took_us, sum(f.cost_nano) AS cost_nano
FROM {rows} AS p CROSS JOIN json_each('["status", "time"]') AS k CROSS JOIN run_figures f
WHERE f.kind = k.value AND f.grain = p.grain AND f.tenant = :tenant AND f.minute >= p.since AND f.minute < p.until
GROUP BY f.release, f.kind, f.name
