DELETE FROM run_figures WHERE (kind, grain, tenant, minute, agent, release, name) IN (
    SELECT kind, grain, tenant, minute, agent, release, name FROM run_figures
    WHERE grain = :grain AND minute < :before LIMIT :batch
);
SELECT changes() AS deleted;
