-- The newest calls, of one tenant or ('*') of all, by provider and by model; those that our own cache answered tell
-- nothing of a provider. Times are those of answered calls: the least that is not below so many percent of them.
WITH recent AS (
    SELECT tenant, provider, model, outcome, took_us, at FROM usage
    WHERE at >= :since AND NOT cached
    ORDER BY at DESC LIMIT :most
)
SELECT CASE WHEN grouping(provider) = 0 THEN 'provider' ELSE 'model' END AS kind,
    CASE WHEN grouping(provider) = 0 THEN provider ELSE model END AS name,
    count(*) AS calls, sum((outcome = 'ok')::int) AS ok, sum((outcome = 'model_limited')::int) AS limited,
    sum((outcome IN ('model_timeout', 'model_unavailable', 'broken_answer', 'error_within', 'model_denied'))::int)
        AS failed,
    max(at) AS last_at,
    percentile_disc(0.50) WITHIN GROUP (ORDER BY took_us) FILTER (WHERE outcome = 'ok') AS p50_us,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY took_us) FILTER (WHERE outcome = 'ok') AS p95_us
FROM recent
WHERE :tenant = '*' OR tenant = :tenant
GROUP BY GROUPING SETS ((provider), (model))
ORDER BY kind, calls DESC, name
