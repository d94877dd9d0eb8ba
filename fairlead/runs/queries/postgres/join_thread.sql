-- A new run takes a free thread, or waits behind the run that holds it.
WITH taken AS (
    UPDATE threads SET active_run_id = :run_id
    WHERE tenant = :tenant AND id = :thread_id AND active_run_id IS NULL
      AND EXISTS (SELECT 1 FROM runs WHERE tenant = :tenant AND id = :run_id AND finished_at IS NULL)
    RETURNING 1
)
UPDATE runs SET reason = 'thread', wake_at = :never
WHERE tenant = :tenant AND id = :run_id AND status = 'pending' AND NOT EXISTS (SELECT 1 FROM taken)
  AND EXISTS (SELECT 1 FROM threads WHERE tenant = :tenant AND id = :thread_id AND active_run_id <> :run_id)
