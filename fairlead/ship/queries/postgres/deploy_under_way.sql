SELECT *, lease_until > {now} AS held FROM deploys WHERE environment = :environment AND finished_at IS NULL
