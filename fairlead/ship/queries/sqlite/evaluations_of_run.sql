-- Those under way when the run was accepted that had their answer from it, the newest first.
SELECT * FROM evaluations
WHERE environment = :environment AND started_at BETWEEN :begun AND :until AND finished_at >= :over
  AND instr(outcomes, '"run_id":"' || :run_id || '"') > 0
ORDER BY started_at DESC, id DESC
