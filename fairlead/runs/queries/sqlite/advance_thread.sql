-- The first run that waits behind others in a free thread may start.
UPDATE threads SET active_run_id = (
    SELECT r.id FROM runs r WHERE r.tenant = :tenant AND r.thread_id = :thread_id
      AND r.status = 'pending' AND r.reason = 'thread' ORDER BY r.id LIMIT 1)
WHERE tenant = :tenant AND id = :thread_id AND active_run_id IS NULL;
UPDATE runs SET wake_at = NULL, reason = NULL
WHERE tenant = :tenant AND status = 'pending' AND reason = 'thread'
  AND id = (SELECT active_run_id FROM threads WHERE tenant = :tenant AND id = :thread_id)
RETURNING id;
