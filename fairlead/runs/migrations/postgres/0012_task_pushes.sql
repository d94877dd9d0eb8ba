-- oldest_reader: 1
-- Who is told over A2A of what becomes of a task. The run says whether anybody is: what ends it need not look here.
ALTER TABLE runs ADD COLUMN pushed boolean NOT NULL DEFAULT false;
CREATE TABLE task_pushes (
    tenant text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    url text NOT NULL,
    token text NOT NULL,
    scheme text NOT NULL,
    credentials text NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (tenant, run_id, id)
);

CREATE FUNCTION fairlead_push_task() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
    INSERT INTO deliveries (tenant, id, webhook_id, lane, url, run_id, type, data, created_at, give_up_at, next_at)
    SELECT NEW.tenant, ''msg_'' || replace(gen_random_uuid()::text, ''-'', ''''), ''a2a'', ''a2a '' || p.url, p.url, NEW.id,
           ''task.'' || NEW.status,
           json_build_object(''status'', NEW.status, ''reason'', NEW.reason, ''seq'', NEW.seq, ''push'', p.id)::text,
           t.now, t.now + 86400000000, t.now
    FROM task_pushes p, (SELECT (extract(epoch from clock_timestamp()) * 1000000)::bigint AS now) AS t
    WHERE p.tenant = NEW.tenant AND p.run_id = NEW.id;
    RETURN NULL;
END';
CREATE TRIGGER runs_pushed AFTER UPDATE OF status, finished_at ON runs FOR EACH ROW
WHEN (NEW.pushed AND NEW.discard IS DISTINCT FROM 'rollback' AND (
    (NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL)
    OR (NEW.finished_at IS NULL AND NEW.status = 'interrupted' AND OLD.status <> 'interrupted')))
EXECUTE FUNCTION fairlead_push_task();

CREATE FUNCTION fairlead_forget_pushes() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
    DELETE FROM task_pushes WHERE tenant = OLD.tenant AND run_id = OLD.id;
    RETURN NULL;
END';
CREATE TRIGGER runs_gone AFTER DELETE ON runs FOR EACH ROW WHEN (OLD.pushed) EXECUTE FUNCTION fairlead_forget_pushes();
