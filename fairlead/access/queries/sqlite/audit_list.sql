-- Newest first; page by `before`.
SELECT * FROM audit
WHERE tenant = :tenant AND seq < :before_seq
  AND (:action IS NULL OR action = :action)
  AND (:actor IS NULL OR actor = :actor)
  AND (:subject IS NULL OR subject = :subject)
  AND at >= :since AND at < :until
ORDER BY seq DESC LIMIT :limit
