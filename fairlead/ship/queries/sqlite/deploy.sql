SELECT *, lease_until > {now} AS held FROM deploys WHERE environment = :environment AND id = :id
