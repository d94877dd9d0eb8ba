-- Only by who holds the deploy.
INSERT INTO deploy_looks (environment, deploy_id, seq, number, at, figures, verdict)
SELECT d.environment, d.id, :seq::bigint, :number::bigint, {now}, :figures::text, :verdict::text FROM deploys d
WHERE d.environment = :environment AND d.id = :id AND d.fence = :fence AND d.finished_at IS NULL
ON CONFLICT (environment, deploy_id, seq, number) DO UPDATE SET at = deploy_looks.at
RETURNING number
