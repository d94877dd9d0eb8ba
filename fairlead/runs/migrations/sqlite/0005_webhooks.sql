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
    enabled integer NOT NULL DEFAULT 1,
    failing_since bigint,
    disabled_reason text,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE deliveries (
    number integer PRIMARY KEY AUTOINCREMENT,
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

CREATE TRIGGER runs_told AFTER UPDATE ON runs
WHEN NEW.discard IS NOT 'rollback' AND (
    (NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL)
    OR (NEW.finished_at IS NULL AND NEW.status = 'interrupted' AND OLD.status <> 'interrupted'))
BEGIN
    INSERT INTO deliveries (tenant, id, webhook_id, lane, url, run_id, type, data, created_at, give_up_at, next_at)
    SELECT NEW.tenant, 'msg_' || lower(hex(randomblob(16))), 'runs', 'runs ' || NEW.webhook, NEW.webhook, NEW.id,
           'run.' || NEW.status, json_object('status', NEW.status, 'reason', NEW.reason, 'seq', NEW.seq),
           now_us(), now_us() + 86400000000, now_us()
    WHERE NEW.webhook IS NOT NULL;
    INSERT INTO deliveries (tenant, id, webhook_id, lane, run_id, type, data, created_at, give_up_at, next_at)
    SELECT NEW.tenant, 'msg_' || lower(hex(randomblob(16))), w.id, w.id, NEW.id, 'run.' || NEW.status,
           json_object('status', NEW.status, 'reason', NEW.reason, 'seq', NEW.seq),
           now_us(), now_us() + 86400000000, now_us()
    FROM webhooks w
    WHERE w.tenant = NEW.tenant AND w.enabled AND w.id <> 'runs' AND (w.agent IS NULL OR w.agent = NEW.agent)
      AND EXISTS (SELECT 1 FROM json_each(w.types) AS t WHERE t.value IN ('*', 'run.*', 'run.' || NEW.status));
END;
CREATE TRIGGER approvals_asked AFTER INSERT ON approvals
BEGIN
    INSERT INTO deliveries (tenant, id, webhook_id, lane, run_id, type, data, created_at, give_up_at, next_at)
    SELECT NEW.tenant, 'msg_' || lower(hex(randomblob(16))), w.id, w.id, NEW.run_id, 'approval.requested',
           json_object('approval_id', NEW.id, 'question', NEW.question, 'expires_at', NEW.expires_at),
           now_us(), now_us() + 86400000000, now_us()
    FROM webhooks w JOIN runs r ON r.tenant = NEW.tenant AND r.id = NEW.run_id
    WHERE w.tenant = NEW.tenant AND w.enabled AND w.id <> 'runs' AND (w.agent IS NULL OR w.agent = r.agent)
      AND EXISTS (SELECT 1 FROM json_each(w.types) AS t WHERE t.value IN ('*', 'approval.*', 'approval.requested'));
END;
CREATE TRIGGER approvals_answered AFTER UPDATE OF approved ON approvals
WHEN NEW.approved IS NOT NULL AND OLD.approved IS NULL
BEGIN
    INSERT INTO deliveries (tenant, id, webhook_id, lane, run_id, type, data, created_at, give_up_at, next_at)
    SELECT NEW.tenant, 'msg_' || lower(hex(randomblob(16))), w.id, w.id, NEW.run_id,
           CASE WHEN NEW.decided_by = 'expired' THEN 'approval.expired' ELSE 'approval.answered' END,
           json_object('approval_id', NEW.id, 'question', NEW.question,
                       'approved', json(CASE WHEN NEW.approved THEN 'true' ELSE 'false' END),
                       'by', NEW.decided_by, 'comment', NEW.comment),
           now_us(), now_us() + 86400000000, now_us()
    FROM webhooks w JOIN runs r ON r.tenant = NEW.tenant AND r.id = NEW.run_id
    WHERE w.tenant = NEW.tenant AND w.enabled AND w.id <> 'runs' AND (w.agent IS NULL OR w.agent = r.agent)
      AND EXISTS (SELECT 1 FROM json_each(w.types) AS t WHERE t.value IN ('*', 'approval.*',
          CASE WHEN NEW.decided_by = 'expired' THEN 'approval.expired' ELSE 'approval.answered' END));
END;
