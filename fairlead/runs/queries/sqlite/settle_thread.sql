-- The thread keeps what its run left behind, unless that was rolled back, and is free again. Locks the thread: the next
-- statement sees who waits.
UPDATE threads
SET state = CASE WHEN :state IS NULL OR r.discard IS 'rollback' THEN threads.state ELSE :state END,
    state_run_id = CASE WHEN :state IS NULL OR r.discard IS 'rollback' THEN threads.state_run_id ELSE :run_id END,
    checkpoint_id = CASE WHEN :state IS NULL OR r.discard IS 'rollback' THEN threads.checkpoint_id ELSE :run_id END,
    active_run_id = CASE WHEN threads.active_run_id = :run_id THEN NULL ELSE threads.active_run_id END, updated_at = {now}
FROM runs r
WHERE threads.tenant = :tenant AND threads.id = :thread_id AND r.tenant = :tenant AND r.id = :run_id AND r.fence = :fence
  AND r.seq = :seq AND r.finished_at IS NOT NULL
