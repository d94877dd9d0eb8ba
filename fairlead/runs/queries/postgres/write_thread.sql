-- A state from outside, while no run is under way.
UPDATE threads SET state = :state::text, state_run_id = NULL, checkpoint_id = :id::text, updated_at = {now}
WHERE tenant = :tenant AND id = :thread_id AND NOT EXISTS (
    SELECT 1 FROM runs r WHERE r.tenant = :tenant AND r.id = threads.active_run_id AND r.finished_at IS NULL)
RETURNING id
