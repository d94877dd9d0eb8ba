-- The thread keeps what its run left behind and is free again. Locks the thread: the next statement sees who waits.
UPDATE threads
SET state = coalesce(:state::text, state), state_run_id = CASE WHEN :state::text IS NULL THEN state_run_id ELSE :run_id END,
    active_run_id = CASE WHEN active_run_id = :run_id THEN NULL ELSE active_run_id END, updated_at = {now}
WHERE tenant = :tenant AND id = :thread_id AND EXISTS (
    SELECT 1 FROM runs r WHERE r.tenant = :tenant AND r.id = :run_id AND r.fence = :fence AND r.seq = :seq
      AND r.finished_at IS NOT NULL)
