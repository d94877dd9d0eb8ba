-- One that its holder has just finished is still its own: whoever keeps it beside has lost nothing.
UPDATE deploys SET lease_until = CASE WHEN finished_at IS NULL THEN {now} + :lease_us ELSE 0 END
WHERE environment = :environment AND id = :id AND fence = :fence
RETURNING id
