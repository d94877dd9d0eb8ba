-- What calls of all processes came to of late; those that our own cache answered tell nothing of a provider.
SELECT provider, count(*) AS calls, sum((outcome = 'ok')::int) AS ok, sum((outcome = 'model_limited')::int) AS limited,
    sum((outcome IN ('model_timeout', 'model_unavailable', 'broken_answer', 'error_within', 'model_denied'))::int)
        AS failed
FROM usage WHERE at >= :since AND NOT cached GROUP BY provider ORDER BY provider
