-- rows: grain int, since int, until int
-- Of a kind, by name, the most first: times by bucket, tools. Range by range: a join of its own would read all of a kind.
SELECT f.name, sum(f.count)::bigint AS count, sum(f.failed)::bigint AS failed
FROM {rows} AS p CROSS JOIN json_array_elements_text(:tenants::json) AS t(tenant) CROSS JOIN LATERAL (
    SELECT s.agent, s.release, s.name, s.count, s.failed FROM run_figures s
    WHERE s.kind = :kind AND s.grain = p.grain AND s.tenant = t.tenant AND s.minute >= p.since AND s.minute < p.until
    OFFSET 0
) AS f
WHERE (:agent::text IS NULL OR f.agent = :agent) AND (:release::text IS NULL OR f.release = :release)
GROUP BY f.name ORDER BY 2 DESC, f.name LIMIT :most
