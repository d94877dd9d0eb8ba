-- rows: grain int, since int, until int
-- How runs ended and how long they executed, of each release. Range by range: a join of its own would read all of a kind.
SELECT f.release, f.kind, f.name, sum(f.count)::bigint AS count, sum(f.took_us)::bigint AS took_us,
    sum(f.cost_nano)::bigint AS cost_nano
FROM {rows} AS p CROSS JOIN (VALUES ('status'), ('time')) AS k(kind) CROSS JOIN LATERAL (
    SELECT s.release, s.kind, s.name, s.count, s.took_us, s.cost_nano FROM run_figures s
    WHERE s.kind = k.kind AND s.grain = p.grain AND s.tenant = :tenant AND s.minute >= p.since AND s.minute < p.until
    OFFSET 0
) AS f
GROUP BY f.release, f.kind, f.name
