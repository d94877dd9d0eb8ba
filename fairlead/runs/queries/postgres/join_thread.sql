-- A new run takes a free thread, or waits behind the run that holds it. One that is for later comes when it is due.
WITH taken AS (
    UPDATE threads SET active_run_id = :run_id
    WHERE tenant = :tenant AND id = :thread_id AND (active_run_id IS NULL OR NOT EXISTS (
          SELECT 1 FROM runs a WHERE a.tenant = :tenant AND a.id = active_run_id AND a.finished_at IS NULL))
      AND EXISTS (SELECT 1 FROM runs WHERE tenant = :tenant AND id = :run_id AND finished_at IS NULL
                  AND reason IS DISTINCT FROM 'later')
    RETURNING 1
)
UPDATE runs SET reason = 'thread', wake_at = :never
WHERE tenant = :tenant AND id = :run_id AND status = 'pending' AND reason IS DISTINCT FROM 'later'
  AND NOT EXISTS (SELECT 1 FROM taken)
  AND EXISTS (SELECT 1 FROM threads WHERE tenant = :tenant AND id = :thread_id AND active_run_id <> :run_id)
