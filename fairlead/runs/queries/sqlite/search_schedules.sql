SELECT found.*, count(*) OVER () AS total FROM (
    SELECT s.*, CASE :sort WHEN 'cron_id' THEN id WHEN 'assistant_id' THEN assistant_id
           WHEN 'thread_id' THEN coalesce(thread_id, '') WHEN 'next_run_date' THEN printf('%020d', coalesce(next_at, 0))
           WHEN 'end_time' THEN printf('%020d', coalesce(end_at, 0))
           WHEN 'updated_at' THEN printf('%020d', updated_at) ELSE printf('%020d', created_at) END AS place
    FROM schedules s WHERE tenant = :tenant) AS found
WHERE (:assistant_id IS NULL OR assistant_id = :assistant_id) AND (:thread_id IS NULL OR thread_id = :thread_id)
  AND (:enabled IS NULL OR enabled = :enabled)
  AND (:metadata IS NULL OR NOT EXISTS (
    SELECT 1 FROM json_each(:metadata) f WHERE NOT EXISTS (
        SELECT 1 FROM json_each(found.metadata) m WHERE m.key = f.key AND m.type = f.type AND m.value IS f.value)))
ORDER BY CASE WHEN NOT :descending THEN place END, CASE WHEN :descending THEN place END DESC, id
LIMIT :limit OFFSET :offset
