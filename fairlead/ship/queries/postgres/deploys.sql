SELECT *, lease_until > {now} AS held FROM deploys WHERE environment = :environment ORDER BY started_at DESC, id DESC LIMIT :limit
