DELETE FROM workers AS w WHERE coalesce(w.lost_at, w.lease_until) < :before
  AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.owner = w.id AND r.status = 'running')
