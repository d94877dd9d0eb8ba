-- Newest first. Only so many are looked at, whatever is found among them; the order is that of the inner question. What a
-- run did is asked of each by itself: EXISTS might be answered by reading the events of all runs.
SELECT * FROM (
    SELECT * FROM runs WHERE tenant = :tenant AND id < :before AND id >= :oldest ORDER BY id DESC LIMIT :look
) looked
WHERE (:status::text IS NULL OR status = :status)
  AND (:agent::text IS NULL OR agent = :agent)
  AND (:release::text IS NULL OR release = :release)
  AND (:reason::text IS NULL OR reason = :reason)
  AND (:user_id::text IS NULL OR user_id = :user_id)
  AND (:since::bigint IS NULL OR created_at >= :since)
  AND (:until::bigint IS NULL OR created_at < :until)
  AND (:least_cost::bigint IS NULL OR cost_nano >= :least_cost)
  AND (:least_us::bigint IS NULL OR coalesce(finished_at, {now}) - created_at >= :least_us)
  AND (:text::text IS NULL OR strpos(id, :text) > 0 OR strpos(lower(input), :written) > 0)
  AND (:model::text IS NULL OR (
    SELECT 1 FROM events e
    WHERE e.tenant = looked.tenant AND e.run_id = looked.id AND e.kind = 'model' AND e.name = :model LIMIT 1) IS NOT NULL)
  AND (:tool::text IS NULL OR (
    SELECT 1 FROM events e
    WHERE e.tenant = looked.tenant AND e.run_id = looked.id AND e.kind = 'tool' AND e.name = :tool LIMIT 1) IS NOT NULL)
LIMIT :limit
