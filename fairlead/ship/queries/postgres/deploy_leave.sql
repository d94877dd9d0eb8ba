UPDATE deploys SET lease_until = 0 WHERE environment = :environment AND id = :id AND fence = :fence RETURNING id
