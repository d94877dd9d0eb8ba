-- rows: kind text, grain int, tenant text, minute int, agent text, release text, name text, count int, failed int, took_us int, cost_nano int
-- Counted and remembered as counted in one: only if nobody else was quicker.
INSERT INTO run_figures (kind, grain, tenant, minute, agent, release, name, count, failed, took_us, cost_nano)
SELECT r.kind, r.grain, r.tenant, r.minute, r.agent, r.release, r.name, r.count, r.failed, r.took_us, r.cost_nano
FROM {rows} AS r JOIN run_folds f ON f.name = 'runs' AND f.ahead_at = :ahead AND f.behind_at = :behind WHERE true
ON CONFLICT (kind, grain, tenant, minute, agent, release, name) DO UPDATE SET
    count = run_figures.count + excluded.count, failed = run_figures.failed + excluded.failed,
    took_us = run_figures.took_us + excluded.took_us, cost_nano = run_figures.cost_nano + excluded.cost_nano;
UPDATE run_folds SET ahead_at = :new_ahead, behind_at = :new_behind
WHERE name = 'runs' AND ahead_at = :ahead AND behind_at = :behind
RETURNING name;
