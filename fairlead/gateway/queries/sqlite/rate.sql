-- What is kept of a rate, with the database's clock; version 0 when nothing is.
SELECT {now} AS now, coalesce(r.version, 0) AS version, coalesce(r.state, '') AS state
FROM (SELECT 1 AS one) AS always LEFT JOIN model_rates r ON r.name = :name
