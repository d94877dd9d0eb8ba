-- Locks the thread for the statement that follows.
UPDATE threads SET active_run_id = CASE WHEN active_run_id = :run_id THEN NULL ELSE active_run_id END, updated_at = {now}
WHERE tenant = :tenant AND id = :thread_id
