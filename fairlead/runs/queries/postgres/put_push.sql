-- Takes the run's row: whoever ends it then sees who is to be told. What has ended, or waits, is told at once.
WITH run AS (
    UPDATE runs SET pushed = true WHERE tenant = :tenant AND id = :run_id
    RETURNING tenant, id, status, reason, seq, finished_at
),
told AS (
    INSERT INTO deliveries (tenant, id, webhook_id, lane, url, run_id, type, data, created_at, give_up_at, next_at)
    SELECT tenant, 'msg_' || replace(gen_random_uuid()::text, '-', ''), 'a2a', 'a2a ' || :url::text, :url, id, 'task.' || status,
           json_build_object('status', status, 'reason', reason, 'seq', seq, 'push', :id::text)::text,
           {now}, {now} + 86400000000, {now}
    FROM run WHERE (finished_at IS NOT NULL OR status = 'interrupted') AND NOT EXISTS (
        SELECT 1 FROM task_pushes p WHERE p.tenant = :tenant AND p.run_id = :run_id AND p.id = :id)
)
INSERT INTO task_pushes (tenant, run_id, id, url, token, scheme, credentials, created_at)
SELECT tenant, id, :id, :url, :token::text, :scheme::text, :credentials::text, {now} FROM run
ON CONFLICT (tenant, run_id, id) DO UPDATE SET url = excluded.url, token = excluded.token, scheme = excluded.scheme,
    credentials = excluded.credentials
RETURNING *
