SELECT t.*, r.status AS active_status, r.reason AS active_reason,
       (SELECT l.status FROM runs l WHERE l.tenant = t.tenant AND l.thread_id = t.id ORDER BY l.id DESC LIMIT 1) AS last_status
FROM threads t LEFT JOIN runs r ON r.tenant = t.tenant AND r.id = t.active_run_id
WHERE t.tenant = :tenant AND t.id = :id
