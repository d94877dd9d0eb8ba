-- A new run that would have to wait behind another, and whose caller does not want that, was never there.
WITH gone AS (
    DELETE FROM runs WHERE tenant = :tenant AND id = :run_id AND created_at = :created_at AND fence = 0
      AND status = 'pending' AND reason = 'thread'
    RETURNING tenant, id
),
e AS (DELETE FROM events USING gone WHERE events.tenant = gone.tenant AND events.run_id = gone.id)
SELECT id FROM gone
