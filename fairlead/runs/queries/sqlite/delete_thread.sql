-- Only while nobody runs or waits in it.
DELETE FROM threads WHERE tenant = :tenant AND id = :id AND NOT EXISTS (
    SELECT 1 FROM runs r WHERE r.tenant = :tenant AND r.thread_id = :id AND r.finished_at IS NULL)
RETURNING id
