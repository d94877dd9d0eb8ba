-- From tenant to tenant by the index. Those of days are kept longest: who has none of those has none.
WITH RECURSIVE t(tenant) AS (
    SELECT min(tenant) FROM run_figures WHERE kind = 'status' AND grain = 1440
    UNION ALL
    SELECT (SELECT min(f.tenant) FROM run_figures f WHERE f.kind = 'status' AND f.grain = 1440 AND f.tenant > t.tenant)
    FROM t WHERE t.tenant IS NOT NULL
),
k(kind) AS (VALUES ('tool'), ('time'), ('status'))
DELETE FROM run_figures WHERE (kind, grain, tenant, minute, agent, release, name) IN (
    SELECT f.kind, f.grain, f.tenant, f.minute, f.agent, f.release, f.name FROM t CROSS JOIN k CROSS JOIN run_figures f
    WHERE f.kind = k.kind AND f.grain = :grain AND f.tenant = t.tenant AND f.minute < :before LIMIT :batch
);
SELECT changes() AS deleted;
