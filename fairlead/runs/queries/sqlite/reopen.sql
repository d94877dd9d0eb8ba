-- A run that stopped goes on from what it has recorded. `type` says why: resumed, retried.
INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
SELECT tenant, id, seq + 1, :type, {now}, fence, :data FROM runs
WHERE tenant = :tenant AND id = :id AND status IN (SELECT value FROM json_each(:statuses))
  AND coalesce(reason, '') <> 'approval' AND NOT pruned;
UPDATE runs SET status = 'pending', reason = NULL, error = NULL, output = NULL, finished_at = NULL, wake_at = NULL,
    cancel_requested = 0, deaths = 0, seq = seq + 1, executing_us = 0, deadline = NULL
WHERE tenant = :tenant AND id = :id AND status IN (SELECT value FROM json_each(:statuses))
  AND coalesce(reason, '') <> 'approval' AND NOT pruned
RETURNING *;
