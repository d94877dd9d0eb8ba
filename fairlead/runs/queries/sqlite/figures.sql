-- rows: tenant text, run_id text, fence int, cost_nano int, tokens_in int, tokens_out int, steps int, progress int
-- What people see of runs under way; the truth is in their events.
UPDATE runs SET cost_nano = f.cost_nano, tokens_in = f.tokens_in, tokens_out = f.tokens_out, steps = f.steps,
    progress = f.progress
FROM {rows} AS f
WHERE runs.tenant = f.tenant AND runs.id = f.run_id AND runs.fence = f.fence AND +runs.owner = :worker;
