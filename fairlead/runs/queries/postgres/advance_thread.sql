-- The first run that waits behind others in a free thread may start.
WITH next AS MATERIALIZED (
    SELECT r.tenant, r.id, r.thread_id FROM runs r
    JOIN threads t ON t.tenant = r.tenant AND t.id = r.thread_id AND t.active_run_id IS NULL
    WHERE r.tenant = :tenant AND r.thread_id = :thread_id AND r.status = 'pending' AND r.reason = 'thread'
    ORDER BY r.id LIMIT 1
    FOR UPDATE OF r, t
),
freed AS (
    UPDATE runs r SET wake_at = NULL, reason = NULL FROM next WHERE r.tenant = next.tenant AND r.id = next.id
)
UPDATE threads t SET active_run_id = next.id FROM next
WHERE t.tenant = next.tenant AND t.id = next.thread_id
RETURNING next.id
