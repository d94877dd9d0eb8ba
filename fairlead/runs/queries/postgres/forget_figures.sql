-- From tenant to tenant by the index. Those of days are kept longest: who has none of those has none.
WITH RECURSIVE t(tenant) AS (
    SELECT min(tenant) FROM run_figures WHERE kind = 'status' AND grain = 1440
    UNION ALL
    SELECT (SELECT min(f.tenant) FROM run_figures f WHERE f.kind = 'status' AND f.grain = 1440 AND f.tenant > t.tenant)
    FROM t WHERE t.tenant IS NOT NULL
),
old AS MATERIALIZED (
    SELECT f.kind, f.grain, f.tenant, f.minute, f.agent, f.release, f.name
    FROM t CROSS JOIN (VALUES ('tool'), ('time'), ('status')) AS k(kind) JOIN run_figures f
        ON f.kind = k.kind AND f.grain = :grain AND f.tenant = t.tenant AND f.minute < :before
    LIMIT :batch
),
gone AS (
    DELETE FROM run_figures d USING old
    WHERE (d.kind, d.grain, d.tenant, d.minute, d.agent, d.release, d.name)
        = (old.kind, old.grain, old.tenant, old.minute, old.agent, old.release, old.name)
    RETURNING 1
)
SELECT count(*) AS deleted FROM gone
