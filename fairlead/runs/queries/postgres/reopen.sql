-- A run that stopped goes on from what it has recorded. `type` says why: resumed, retried.
WITH stopped AS MATERIALIZED (
    SELECT tenant, id, seq, fence FROM runs
    WHERE tenant = :tenant AND id = :id AND status IN (SELECT json_array_elements_text(:statuses::json))
      AND coalesce(reason, '') <> 'approval' AND NOT pruned
    FOR UPDATE
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
    SELECT tenant, id, seq + 1, :type, {now}, fence, :data FROM stopped
)
UPDATE runs r SET status = 'pending', reason = NULL, error = NULL, output = NULL, finished_at = NULL, wake_at = NULL,
    cancel_requested = false, deaths = 0, seq = r.seq + 1, executing_us = 0, deadline = NULL
FROM stopped s WHERE r.tenant = s.tenant AND r.id = s.id
RETURNING r.*
