-- oldest_reader: 1
-- Who is told of what became of a run. A delivery is written by a trigger, in the transaction that changes the run:
-- whichever statement ends a run, of whatever release, can't forget it.
ALTER TABLE runs ADD COLUMN webhook text;

CREATE TABLE webhooks (
    tenant text NOT NULL,
    id text NOT NULL,
    url text NOT NULL,
    agent text,
    types text NOT NULL,
    description text NOT NULL DEFAULT '',
    secrets text NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    failing_since bigint,
    disabled_reason text,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE deliveries (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL,
    id text NOT NULL,
    webhook_id text NOT NULL,
    lane text NOT NULL,
    url text,
    run_id text NOT NULL,
    type text NOT NULL,
    data text NOT NULL,
    body text,
    status text NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    give_up_at bigint NOT NULL,
    next_at bigint NOT NULL,
    finished_at bigint,
    answer_status integer,
    error text
);
CREATE UNIQUE INDEX deliveries_id ON deliveries (tenant, id);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE status = 'pending';
CREATE INDEX deliveries_in_order ON deliveries (tenant, lane, run_id, number) WHERE status = 'pending';
CREATE INDEX deliveries_of_webhook ON deliveries (tenant, webhook_id, number);
CREATE INDEX deliveries_old ON deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE delivery_attempts (
    tenant text NOT NULL,
    delivery_id text NOT NULL,
    number integer NOT NULL,
    at bigint NOT NULL,
    took_us bigint NOT NULL,
    status integer,
    error text,
    answer text,
    PRIMARY KEY (tenant, delivery_id, number)
);

CREATE FUNCTION fairlead_tell(of_tenant text, of_agent text, of_run text, what text, said json) RETURNS void
LANGUAGE sql VOLATILE AS '
    INSERT INTO deliveries (tenant, id, webhook_id, lane, run_id, type, data, created_at, give_up_at, next_at)
    SELECT of_tenant, ''msg_'' || replace(gen_random_uuid()::text, ''-'', ''''), w.id, w.id, of_run, what, said::text, t.now, t.now + 86400000000, t.now
    FROM webhooks w, (SELECT (extract(epoch from clock_timestamp()) * 1000000)::bigint AS now) AS t
    WHERE w.tenant = of_tenant AND w.enabled AND w.id <> ''runs'' AND (w.agent IS NULL OR w.agent = of_agent)
      AND EXISTS (SELECT 1 FROM json_array_elements_text(w.types::json) AS one
                  WHERE one IN (''*'', what, split_part(what, ''.'', 1) || ''.*''))';

CREATE FUNCTION fairlead_tell_run() RETURNS trigger LANGUAGE plpgsql AS '
DECLARE said json := json_build_object(''status'', NEW.status, ''reason'', NEW.reason, ''seq'', NEW.seq);
        now bigint := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
BEGIN
    IF NEW.webhook IS NOT NULL THEN
        INSERT INTO deliveries (tenant, id, webhook_id, lane, url, run_id, type, data, created_at, give_up_at, next_at)
        VALUES (NEW.tenant, ''msg_'' || replace(gen_random_uuid()::text, ''-'', ''''), ''runs'', ''runs '' || NEW.webhook,
                NEW.webhook, NEW.id, ''run.'' || NEW.status, said::text, now, now + 86400000000, now);
    END IF;
    PERFORM fairlead_tell(NEW.tenant, NEW.agent, NEW.id, ''run.'' || NEW.status, said);
    RETURN NULL;
END';
CREATE TRIGGER runs_told AFTER UPDATE OF status, finished_at ON runs FOR EACH ROW
WHEN (NEW.discard IS DISTINCT FROM 'rollback' AND (
    (NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL)
    OR (NEW.finished_at IS NULL AND NEW.status = 'interrupted' AND OLD.status <> 'interrupted')))
EXECUTE FUNCTION fairlead_tell_run();

CREATE FUNCTION fairlead_tell_approval() RETURNS trigger LANGUAGE plpgsql AS '
DECLARE asking text := (SELECT agent FROM runs WHERE tenant = NEW.tenant AND id = NEW.run_id);
BEGIN
    IF TG_OP = ''INSERT'' THEN
        PERFORM fairlead_tell(NEW.tenant, asking, NEW.run_id, ''approval.requested'', json_build_object(
            ''approval_id'', NEW.id, ''question'', NEW.question, ''expires_at'', NEW.expires_at));
    ELSE
        PERFORM fairlead_tell(NEW.tenant, asking, NEW.run_id,
            CASE WHEN NEW.decided_by = ''expired'' THEN ''approval.expired'' ELSE ''approval.answered'' END,
            json_build_object(''approval_id'', NEW.id, ''question'', NEW.question, ''approved'', NEW.approved,
                              ''by'', NEW.decided_by, ''comment'', NEW.comment));
    END IF;
    RETURN NULL;
END';
CREATE TRIGGER approvals_asked AFTER INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION fairlead_tell_approval();
CREATE TRIGGER approvals_answered AFTER UPDATE OF approved ON approvals FOR EACH ROW
WHEN (NEW.approved IS NOT NULL AND OLD.approved IS NULL) EXECUTE FUNCTION fairlead_tell_approval();
