-- Newest first.
SELECT * FROM scores
WHERE tenant = :tenant AND created_at >= :since AND created_at < :until
  AND (:run_id::text IS NULL OR run_id = :run_id)
  AND (:name::text IS NULL OR name = :name)
  AND (:source::text IS NULL OR source = :source)
  AND (:author::text IS NULL OR author = :author)
  AND (:agent::text IS NULL OR agent = :agent)
  AND (:release::text IS NULL OR release = :release)
  AND (:assistant_id::text IS NULL OR assistant_id = :assistant_id)
ORDER BY created_at DESC, run_id DESC, id LIMIT :limit OFFSET :offset
