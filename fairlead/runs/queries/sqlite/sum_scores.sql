-- By one thing, name and kind; categories are counted one by one.
SELECT part, name, kind, category, count(*) AS count, avg(number) AS mean, min(number) AS least, max(number) AS most
FROM (
    SELECT name, kind, category, number,
           CASE :by WHEN 'agent' THEN agent WHEN 'release' THEN release WHEN 'assistant' THEN assistant_id
           WHEN 'version' THEN assistant_id || '@' || assistant_version WHEN 'source' THEN source WHEN 'author' THEN author
           WHEN 'day' THEN strftime('%Y-%m-%d', created_at / 1000000, 'unixepoch')
           WHEN 'hour' THEN strftime('%Y-%m-%dT%H:00', created_at / 1000000, 'unixepoch') END AS part
    FROM scores
    WHERE tenant = :tenant AND created_at >= :since AND created_at < :until
      AND (:run_id IS NULL OR run_id = :run_id)
      AND (:name IS NULL OR name = :name)
      AND (:source IS NULL OR source = :source)
      AND (:author IS NULL OR author = :author)
      AND (:agent IS NULL OR agent = :agent)
      AND (:release IS NULL OR release = :release)
      AND (:assistant_id IS NULL OR assistant_id = :assistant_id)
) AS scored
GROUP BY part, name, kind, category ORDER BY part, name, kind, category LIMIT :limit
