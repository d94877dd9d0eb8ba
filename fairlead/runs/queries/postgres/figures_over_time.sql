-- rows: grain int, since int, until int
SELECT f.minute, f.name, sum(f.count)::bigint AS count, sum(f.took_us)::bigint AS took_us,
    sum(f.cost_nano)::bigint AS cost_nano
FROM {rows} AS p CROSS JOIN json_array_elements_text(:tenants::json) AS t(tenant) JOIN run_figures f
    ON f.kind = 'status' AND f.grain = p.grain AND f.tenant = t.tenant AND f.minute >= p.since AND f.minute < p.until
WHERE (:agent::text IS NULL OR f.agent = :agent) AND (:release::text IS NULL OR f.release = :release)
GROUP BY f.minute, f.name
