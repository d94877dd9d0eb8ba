-- A new run that would have to wait behind another, and whose caller does not want that, was never there.
DELETE FROM events WHERE tenant = :tenant AND run_id = :run_id AND EXISTS (
    SELECT 1 FROM runs WHERE tenant = :tenant AND id = :run_id AND created_at = :created_at AND fence = 0
      AND status = 'pending' AND reason = 'thread');
DELETE FROM runs WHERE tenant = :tenant AND id = :run_id AND created_at = :created_at AND fence = 0
  AND status = 'pending' AND reason = 'thread'
RETURNING id;
