-- rows: grain int, since int, until int
-- Range by range: a join of its own would read all of a kind.
SELECT f.minute, f.name, sum(f.count)::bigint AS count, sum(f.took_us)::bigint AS took_us,
    sum(f.cost_nano)::bigint AS cost_nano
FROM {rows} AS p CROSS JOIN json_array_elements_text(:tenants::json) AS t(tenant) CROSS JOIN LATERAL (
    SELECT s.minute, s.agent, s.release, s.name, s.count, s.took_us, s.cost_nano FROM run_figures s
    WHERE s.kind = 'status' AND s.grain = p.grain AND s.tenant = t.tenant AND s.minute >= p.since AND s.minute < p.until
    OFFSET 0
) AS f
WHERE (:agent::text IS NULL OR f.agent = :agent) AND (:release::text IS NULL OR f.release = :release)
GROUP BY f.minute, f.name
