-- Ids of the runs that a schedule started, by the keys it started them under: those at its times, and those beside them.
SELECT id FROM (
    SELECT id FROM (
        SELECT id FROM runs WHERE tenant = :tenant AND idempotency_key >= :first AND idempotency_key < :beside
        ORDER BY idempotency_key DESC LIMIT :limit) AS timed
    UNION ALL
    SELECT id FROM (
        SELECT id FROM runs WHERE tenant = :tenant AND idempotency_key >= :beside AND idempotency_key < :beyond
        ORDER BY idempotency_key DESC LIMIT :limit) AS asked
) AS found ORDER BY id DESC LIMIT :limit
