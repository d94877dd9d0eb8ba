-- For one process at a time: whoever dies with it is followed when the lease has run out.
UPDATE erasures SET leased_until = {now} + 60000000 WHERE tenant = :tenant AND id = :id AND finished_at IS NULL
  AND leased_until <= {now}
RETURNING *
