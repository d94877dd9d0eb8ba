-- What calls of all processes came to of late; those that our own cache answered tell nothing of a provider.
SELECT provider, count(*) AS calls, sum(outcome = 'ok') AS ok, sum(outcome = 'model_limited') AS limited,
    sum(outcome IN ('model_timeout', 'model_unavailable', 'broken_answer', 'error_within', 'model_denied')) AS failed
FROM usage WHERE at >= :since AND NOT cached GROUP BY provider ORDER BY provider
