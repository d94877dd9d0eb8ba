-- Newest first; page by `before`.
SELECT * FROM audit
WHERE tenant = :tenant AND seq < :before_seq
  AND (:action::text IS NULL OR action = :action)
  AND (:actor::text IS NULL OR actor = :actor)
  AND (:subject::text IS NULL OR subject = :subject)
  AND at >= :since AND at < :until
ORDER BY seq DESC LIMIT :limit
