-- Newest first.
SELECT * FROM scores
WHERE tenant = :tenant AND created_at >= :since AND created_at < :until
  AND (:run_id IS NULL OR run_id = :run_id)
  AND (:name IS NULL OR name = :name)
  AND (:source IS NULL OR source = :source)
  AND (:author IS NULL OR author = :author)
  AND (:agent IS NULL OR agent = :agent)
  AND (:release IS NULL OR release = :release)
  AND (:assistant_id IS NULL OR assistant_id = :assistant_id)
ORDER BY created_at DESC, run_id DESC, id LIMIT :limit OFFSET :offset
