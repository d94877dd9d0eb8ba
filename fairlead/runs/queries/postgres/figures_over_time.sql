SELECT minute, name, sum(count)::bigint AS count, sum(took_us)::bigint AS took_us, sum(cost_nano)::bigint AS cost_nano
FROM run_figures
WHERE kind = 'status' AND grain = :grain AND tenant IN (SELECT json_array_elements_text(:tenants::json))
  AND minute >= :since AND minute < :until
  AND (:agent::text IS NULL OR agent = :agent) AND (:release::text IS NULL OR release = :release)
GROUP BY minute, name
