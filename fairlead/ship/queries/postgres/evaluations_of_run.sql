-- Those under way when the run was accepted that had their answer from it, the newest first.
SELECT * FROM evaluations
WHERE environment = :environment AND started_at BETWEEN :begun AND :until AND finished_at >= :over
  AND strpos(outcomes, '"run_id":"' || CAST(:run_id AS text) || '"') > 0
ORDER BY started_at DESC, id DESC
