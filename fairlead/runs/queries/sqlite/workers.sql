SELECT w.*, (SELECT count(*) FROM runs r WHERE r.owner = w.id AND r.status = 'running') AS running,
       w.lost_at IS NULL AND w.lease_until > {now} AS alive
FROM workers w ORDER BY w.started_at DESC LIMIT 200
