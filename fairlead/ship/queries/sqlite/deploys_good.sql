-- The first is what is served; the second is where a rollback goes.
SELECT *, lease_until > {now} AS held FROM deploys WHERE environment = :environment AND outcome = 'succeeded'
ORDER BY started_at DESC, id DESC LIMIT 20
