-- Those that tell of a case kept from this run.
SELECT id, outcomes FROM evaluations
WHERE environment = :environment AND suite = :suite AND outcomes LIKE '%"kept":"' || CAST(:run_id AS text) || '"%'
