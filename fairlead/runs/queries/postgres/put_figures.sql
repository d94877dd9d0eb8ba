-- rows: kind text, grain int, tenant text, minute int, agent text, release text, name text, count int, failed int, took_us int, cost_nano int
-- Counted and remembered as counted in one: only if nobody else was quicker.
WITH moved AS (
    UPDATE run_folds SET ahead_at = :new_ahead, behind_at = :new_behind
    WHERE name = 'runs' AND ahead_at = :ahead AND behind_at = :behind
    RETURNING name
),
put AS (
    INSERT INTO run_figures AS f (kind, grain, tenant, minute, agent, release, name, count, failed, took_us, cost_nano)
    SELECT r.kind, r.grain, r.tenant, r.minute, r.agent, r.release, r.name, r.count, r.failed, r.took_us, r.cost_nano
    FROM moved, {rows} AS r
    ON CONFLICT (kind, grain, tenant, minute, agent, release, name) DO UPDATE SET
        count = f.count + excluded.count, failed = f.failed + excluded.failed,
        took_us = f.took_us + excluded.took_us, cost_nano = f.cost_nano + excluded.cost_nano
)
SELECT name FROM moved
