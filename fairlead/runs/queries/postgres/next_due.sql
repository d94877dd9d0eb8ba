SELECT min(wake_at) AS wake_at FROM runs WHERE wake_at IS NOT NULL
