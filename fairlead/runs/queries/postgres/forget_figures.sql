WITH old AS MATERIALIZED (
    SELECT kind, grain, tenant, minute, agent, release, name FROM run_figures
    WHERE grain = :grain AND minute < :before LIMIT :batch FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM run_figures t USING old
    WHERE (t.kind, t.grain, t.tenant, t.minute, t.agent, t.release, t.name)
        = (old.kind, old.grain, old.tenant, old.minute, old.agent, old.release, old.name)
    RETURNING 1
)
SELECT count(*) AS deleted FROM gone
