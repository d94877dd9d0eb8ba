-- Goes on where it stood, or begins anew when it was silent for too long.
WITH extended AS (
    UPDATE service_spans s SET last_at = {now}
    WHERE s.process = :process::text AND s.ended IS NULL AND s.last_at > {now} - :gap::bigint
    RETURNING 1
)
INSERT INTO service_spans (process, began_at, role, last_at)
SELECT :process::text, n.at, :role::text, n.at FROM (SELECT {now} AS at) AS n WHERE NOT EXISTS (SELECT 1 FROM extended)
RETURNING began_at
