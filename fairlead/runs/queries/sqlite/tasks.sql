-- Runs of an agent as A2A knows them, newest first; page by `before`, a run's id.
SELECT * FROM runs
WHERE tenant = :tenant AND agent = :agent
  AND (:context_id IS NULL OR thread_id = :context_id OR (thread_id IS NULL AND id = :context_id))
  AND (:since IS NULL OR coalesce(finished_at, started_at, created_at) > :since)
  AND (:status IS NULL OR status IN (:status, :other_status))
  AND (:state IS NULL OR :state = CASE
      WHEN status = 'pending' AND started_at IS NULL THEN 'TASK_STATE_SUBMITTED'
      WHEN status IN ('pending', 'running') THEN 'TASK_STATE_WORKING'
      WHEN status = 'success' THEN 'TASK_STATE_COMPLETED'
      WHEN status IN ('error', 'timeout') THEN 'TASK_STATE_FAILED'
      WHEN reason = 'cancelled' THEN 'TASK_STATE_CANCELED'
      ELSE 'TASK_STATE_INPUT_REQUIRED' END)
  AND (:before IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
