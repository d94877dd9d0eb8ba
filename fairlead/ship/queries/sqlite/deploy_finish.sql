UPDATE deploys SET finished_at = {now}, outcome = :outcome, lease_until = 0
WHERE environment = :environment AND id = :id AND fence = :fence AND finished_at IS NULL
RETURNING *, lease_until > {now} AS held
