-- Processes that fell silent without being asked to, and never spoke again.
SELECT count(*) AS died FROM service_spans s
WHERE s.ended IS NULL AND s.last_at >= :since AND s.last_at <= {now} - :gap
  AND NOT EXISTS (SELECT 1 FROM service_spans l WHERE l.process = s.process AND l.began_at > s.began_at)
