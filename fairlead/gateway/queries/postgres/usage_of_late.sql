-- The newest calls, of one tenant or ('*') of all, by provider and by model; those that our own cache answered tell
-- nothing of a provider. Times are those of answered calls: the least that is not below so many percent of them.
WITH recent AS (
    SELECT tenant, provider, model, outcome, took_us, at FROM usage
    WHERE at >= :since AND NOT cached
    ORDER BY at DESC LIMIT :most
), named AS (
    SELECT 'provider' AS kind, provider AS name, outcome, took_us, at FROM recent
    WHERE :tenant = '*' OR tenant = :tenant
    UNION ALL
    SELECT 'model' AS kind, model AS name, outcome, took_us, at FROM recent
    WHERE :tenant = '*' OR tenant = :tenant
), ranked AS (
    SELECT kind, name, outcome, took_us, at,
        row_number() OVER (PARTITION BY kind, name, outcome = 'ok' ORDER BY took_us) AS place,
        count(*) OVER (PARTITION BY kind, name, outcome = 'ok') AS whole
    FROM named
)
SELECT kind, name, count(*) AS calls, sum((outcome = 'ok')::int) AS ok, sum((outcome = 'model_limited')::int) AS limited,
    sum((outcome IN ('model_timeout', 'model_unavailable', 'broken_answer', 'error_within', 'model_denied'))::int)
        AS failed,
    max(at) AS last_at,
    min(CASE WHEN outcome = 'ok' AND place * 100 >= whole * 50 THEN took_us END) AS p50_us,
    min(CASE WHEN outcome = 'ok' AND place * 100 >= whole * 95 THEN took_us END) AS p95_us
FROM ranked
GROUP BY kind, name
ORDER BY kind, calls DESC, name
