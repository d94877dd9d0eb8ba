SELECT found.*, count(*) OVER () AS total FROM (
    SELECT s.*, CASE :sort::text WHEN 'cron_id' THEN id WHEN 'assistant_id' THEN assistant_id
           WHEN 'thread_id' THEN coalesce(thread_id, '') WHEN 'next_run_date' THEN lpad(coalesce(next_at, 0)::text, 20, '0')
           WHEN 'end_time' THEN lpad(coalesce(end_at, 0)::text, 20, '0')
           WHEN 'updated_at' THEN lpad(updated_at::text, 20, '0') ELSE lpad(created_at::text, 20, '0') END AS place
    FROM schedules s WHERE tenant = :tenant) AS found
WHERE (:assistant_id::text IS NULL OR assistant_id = :assistant_id)
  AND (:thread_id::text IS NULL OR thread_id = :thread_id) AND (:enabled::boolean IS NULL OR enabled = :enabled)
  AND (:metadata::text IS NULL OR metadata::jsonb @> :metadata::jsonb)
ORDER BY CASE WHEN NOT :descending THEN place END, CASE WHEN :descending THEN place END DESC, id
LIMIT :limit OFFSET :offset
