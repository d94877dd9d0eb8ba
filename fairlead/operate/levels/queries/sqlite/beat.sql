-- Goes on where it stood, or begins anew when it was silent for too long.
INSERT INTO service_spans (process, began_at, role, last_at)
SELECT :process, n.at, :role, n.at FROM (SELECT {now} AS at) AS n WHERE NOT EXISTS (
    SELECT 1 FROM service_spans s WHERE s.process = :process AND s.ended IS NULL AND s.last_at > {now} - :gap
);
UPDATE service_spans SET last_at = {now} WHERE process = :process AND ended IS NULL AND last_at > {now} - :gap
