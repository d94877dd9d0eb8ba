UPDATE deploys SET lease_until = {now} + :lease_us
WHERE environment = :environment AND id = :id AND fence = :fence AND finished_at IS NULL
RETURNING id
