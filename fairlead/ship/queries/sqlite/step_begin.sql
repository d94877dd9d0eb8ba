-- Only by who holds the deploy. A step that was begun before stays as it is.
INSERT INTO deploy_steps (environment, deploy_id, seq, kind, given, back, began_at)
SELECT d.environment, d.id, :seq, :kind, :given, :back, {now} FROM deploys d
WHERE d.environment = :environment AND d.id = :id AND d.fence = :fence AND d.finished_at IS NULL
ON CONFLICT (environment, deploy_id, seq) DO UPDATE SET began_at = deploy_steps.began_at
RETURNING began_at, {now} - began_at AS elapsed
