-- What has ended, or waits, is told at once.
UPDATE runs SET pushed = 1 WHERE tenant = :tenant AND id = :run_id;
INSERT INTO deliveries (tenant, id, webhook_id, lane, url, run_id, type, data, created_at, give_up_at, next_at)
SELECT tenant, 'msg_' || lower(hex(randomblob(16))), 'a2a', 'a2a ' || :url, :url, id, 'task.' || status,
       json_object('status', status, 'reason', reason, 'seq', seq, 'push', :id), {now}, {now} + 86400000000, {now}
FROM runs WHERE tenant = :tenant AND id = :run_id AND (finished_at IS NOT NULL OR status = 'interrupted') AND NOT EXISTS (
    SELECT 1 FROM task_pushes p WHERE p.tenant = :tenant AND p.run_id = :run_id AND p.id = :id);
INSERT INTO task_pushes (tenant, run_id, id, url, token, scheme, credentials, created_at)
SELECT tenant, id, :id, :url, :token, :scheme, :credentials, {now} FROM runs WHERE tenant = :tenant AND id = :run_id
ON CONFLICT (tenant, run_id, id) DO UPDATE SET url = excluded.url, token = excluded.token, scheme = excluded.scheme,
    credentials = excluded.credentials
RETURNING *;
