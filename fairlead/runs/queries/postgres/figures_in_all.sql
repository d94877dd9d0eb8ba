-- rows: grain int, since int, until int
-- Of a kind, by name, the most first: times by bucket, tools.
SELECT f.name, sum(f.count)::bigint AS count, sum(f.failed)::bigint AS failed
FROM {rows} AS p CROSS JOIN json_array_elements_text(:tenants::json) AS t(tenant) JOIN run_figures f
    ON f.kind = :kind AND f.grain = p.grain AND f.tenant = t.tenant AND f.minute >= p.since AND f.minute < p.until
WHERE (:agent::text IS NULL OR f.agent = :agent) AND (:release::text IS NULL OR f.release = :release)
GROUP BY f.name ORDER BY 2 DESC, f.name LIMIT :most
