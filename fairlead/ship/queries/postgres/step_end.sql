UPDATE deploy_steps SET ended_at = {now}, verdict = :verdict, said = :said, findings = :findings
WHERE environment = :environment AND deploy_id = :id AND seq = :seq AND ended_at IS NULL
  AND EXISTS (SELECT 1 FROM deploys d WHERE d.environment = :environment AND d.id = :id AND d.fence = :fence
              AND d.finished_at IS NULL)
RETURNING seq
