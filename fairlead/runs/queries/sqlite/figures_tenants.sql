-- From one to the next by the index, not row by row.
WITH RECURSIVE t(tenant) AS (
    SELECT min(tenant) FROM run_figures WHERE kind = 'status' AND grain = 1440
    UNION ALL
    SELECT (SELECT min(f.tenant) FROM run_figures f WHERE f.kind = 'status' AND f.grain = 1440 AND f.tenant > t.tenant)
    FROM t WHERE t.tenant IS NOT NULL
)
SELECT tenant FROM t WHERE tenant IS NOT NULL LIMIT :most
