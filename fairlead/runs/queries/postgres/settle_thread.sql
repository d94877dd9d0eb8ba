-- The thread keeps what its run left behind, unless that was rolled back, and is free again. Locks the thread: the next
-- statement sees who waits.
UPDATE threads t
SET state = CASE WHEN :state::text IS NULL OR r.discard IS NOT DISTINCT FROM 'rollback' THEN t.state ELSE :state END,
    state_run_id = CASE WHEN :state::text IS NULL OR r.discard IS NOT DISTINCT FROM 'rollback' THEN t.state_run_id ELSE :run_id END,
    checkpoint_id = CASE WHEN :state::text IS NULL OR r.discard IS NOT DISTINCT FROM 'rollback' THEN t.checkpoint_id ELSE :run_id END,
    active_run_id = CASE WHEN t.active_run_id = :run_id THEN NULL ELSE t.active_run_id END, updated_at = {now}
FROM runs r
WHERE t.tenant = :tenant AND t.id = :thread_id AND r.tenant = :tenant AND r.id = :run_id AND r.fence = :fence
  AND r.seq = :seq AND r.finished_at IS NOT NULL
