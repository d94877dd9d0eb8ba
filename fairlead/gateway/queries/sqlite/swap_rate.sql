-- Keep this state instead of the version that was read; no row when another process was quicker.
INSERT INTO model_rates (name, version, state) VALUES (:name, :version + 1, :state)
ON CONFLICT (name) DO UPDATE SET version = excluded.version, state = excluded.state
WHERE model_rates.version = :version
RETURNING version
