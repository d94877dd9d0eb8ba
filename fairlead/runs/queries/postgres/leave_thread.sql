-- Locks the thread for the statement that follows.
UPDATE threads SET updated_at = {now}, active_run_id = CASE
    WHEN active_run_id = :run_id AND NOT EXISTS (
        SELECT 1 FROM runs r WHERE r.tenant = :tenant AND r.id = :run_id AND r.finished_at IS NULL) THEN NULL
    ELSE active_run_id END
WHERE tenant = :tenant AND id = :thread_id
