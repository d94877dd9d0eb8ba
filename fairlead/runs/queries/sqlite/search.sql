-- Newest first. Only so many are looked at, whatever is found among them: back to the last of them, by its id. What a run
-- did is asked of each by itself: EXISTS might be answered by reading the events of all runs.
SELECT * FROM runs
WHERE tenant = :tenant AND id < :before AND id >= coalesce((
    SELECT id FROM runs WHERE tenant = :tenant AND id < :before AND id >= :oldest
    ORDER BY id DESC LIMIT 1 OFFSET :look - 1), :oldest)
  AND (:status IS NULL OR status = :status)
  AND (:agent IS NULL OR agent = :agent)
  AND (:release IS NULL OR release = :release)
  AND (:reason IS NULL OR reason = :reason)
  AND (:user_id IS NULL OR user_id = :user_id)
  AND (:since IS NULL OR created_at >= :since)
  AND (:until IS NULL OR created_at < :until)
  AND (:least_cost IS NULL OR cost_nano >= :least_cost)
  AND (:least_us IS NULL OR coalesce(finished_at, {now}) - created_at >= :least_us)
  AND (:text IS NULL OR instr(id, :text) > 0 OR instr(lower(input), :written) > 0)
  AND (:model IS NULL OR (
    SELECT 1 FROM events e
    WHERE e.tenant = runs.tenant AND e.run_id = runs.id AND e.kind = 'model' AND e.name = :model LIMIT 1) IS NOT NULL)
  AND (:tool IS NULL OR (
    SELECT 1 FROM events e
    WHERE e.tenant = runs.tenant AND e.run_id = runs.id AND e.kind = 'tool' AND e.name = :tool LIMIT 1) IS NOT NULL)
ORDER BY id DESC LIMIT :limit
