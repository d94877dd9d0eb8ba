-- What models and tools said in a run, up to an event of it.
SELECT * FROM events
WHERE tenant = :tenant AND run_id = :run_id AND seq <= :until AND kind IN ('model', 'tool')
  AND type IN ('step', 'failed', 'outcome')
ORDER BY seq
