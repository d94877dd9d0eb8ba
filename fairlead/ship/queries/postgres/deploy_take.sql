-- Whoever had it has let its lease run out.
UPDATE deploys SET fence = fence + 1, lease_until = {now} + :lease_us
WHERE environment = :environment AND id = :id AND finished_at IS NULL AND lease_until <= {now}
RETURNING *, lease_until > {now} AS held
