-- rows: tenant text, run_id text, fence int, cost_nano int, tokens_in int, tokens_out int, steps int, progress int
-- What people see of runs under way; the truth is in their events.
UPDATE runs r SET cost_nano = f.cost_nano, tokens_in = f.tokens_in, tokens_out = f.tokens_out, steps = f.steps,
    progress = f.progress
FROM {rows} AS f
WHERE r.tenant = f.tenant AND r.id = f.run_id AND r.fence = f.fence AND r.owner || '' = :worker
