-- oldest_reader: 1
-- Who is told over A2A of what becomes of a task. The run says whether anybody is: what ends it need not look here.
ALTER TABLE runs ADD COLUMN pushed integer NOT NULL DEFAULT 0;
CREATE TABLE task_pushes (
    tenant text NOT NULL,
    run_id text NOT NULL,
    id text NOT NULL,
    url text NOT NULL,
    token text NOT NULL,
    scheme text NOT NULL,
    credentials text NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (tenant, run_id, id)
);

CREATE TRIGGER runs_pushed AFTER UPDATE ON runs
WHEN NEW.pushed AND NEW.discard IS NOT 'rollback' AND (
    (NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL)
    OR (NEW.finished_at IS NULL AND NEW.status = 'interrupted' AND OLD.status <> 'interrupted'))
BEGIN
    INSERT INTO deliveries (tenant, id, webhook_id, lane, url, run_id, type, data, created_at, give_up_at, next_at)
    SELECT NEW.tenant, 'msg_' || lower(hex(randomblob(16))), 'a2a', 'a2a ' || p.url, p.url, NEW.id, 'task.' || NEW.status,
           json_object('status', NEW.status, 'reason', NEW.reason, 'seq', NEW.seq, 'push', p.id),
           now_us(), now_us() + 86400000000, now_us()
    FROM task_pushes p WHERE p.tenant = NEW.tenant AND p.run_id = NEW.id;
END;
CREATE TRIGGER runs_gone AFTER DELETE ON runs WHEN OLD.pushed
BEGIN
    DELETE FROM task_pushes WHERE tenant = OLD.tenant AND run_id = OLD.id;
END;
