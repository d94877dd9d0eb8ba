-- Runs that wait although no living worker serves their agent on their release.
SELECT q.release, q.agent, count(*) AS runs, min(q.created_at) AS oldest
FROM (SELECT release, agent, created_at FROM runs WHERE status = 'pending' AND wake_at IS NULL
      ORDER BY release, priority DESC, id LIMIT 20000) AS q
WHERE NOT EXISTS (
    SELECT 1 FROM workers w WHERE w.lost_at IS NULL AND w.lease_until > {now} AND NOT w.draining AND w.release = q.release
      AND q.agent IN (SELECT json_array_elements_text(w.agents::json)))
GROUP BY q.release, q.agent
