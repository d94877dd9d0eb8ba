-- oldest_reader: 1
-- Who is asked a question, and when: place 0 at once, the others when nobody has answered by then. A turn that names
-- nobody is a reminder. Without place 0 every operator may answer. What is deleted or told is so by whichever statement.
CREATE TABLE approval_turns (
    tenant text NOT NULL,
    run_id text NOT NULL,
    approval_id text NOT NULL,
    place integer NOT NULL,
    due_at bigint NOT NULL,
    asked text NOT NULL,
    told_at bigint,
    PRIMARY KEY (tenant, run_id, approval_id, place)
);
CREATE INDEX approval_turns_due ON approval_turns (due_at) WHERE told_at IS NULL;

CREATE TRIGGER approvals_gone AFTER DELETE ON approvals
BEGIN
    DELETE FROM approval_turns WHERE tenant = OLD.tenant AND run_id = OLD.run_id AND approval_id = OLD.id;
END;
CREATE TRIGGER approvals_escalated AFTER UPDATE OF told_at ON approval_turns
WHEN NEW.told_at IS NOT NULL AND OLD.told_at IS NULL AND NEW.asked <> '[]'
BEGIN
    INSERT INTO deliveries (tenant, id, webhook_id, lane, run_id, type, data, created_at, give_up_at, next_at)
    SELECT NEW.tenant, 'msg_' || lower(hex(randomblob(16))), w.id, w.id, NEW.run_id, 'approval.escalated',
           json_object('approval_id', NEW.approval_id, 'question', a.question, 'expires_at', a.expires_at,
                       'asked', json(NEW.asked)),
           now_us(), now_us() + 86400000000, now_us()
    FROM webhooks w JOIN runs r ON r.tenant = NEW.tenant AND r.id = NEW.run_id
    JOIN approvals a ON a.tenant = NEW.tenant AND a.run_id = NEW.run_id AND a.id = NEW.approval_id
    WHERE w.tenant = NEW.tenant AND w.enabled AND w.id <> 'runs' AND (w.agent IS NULL OR w.agent = r.agent)
      AND EXISTS (SELECT 1 FROM json_each(w.types) AS t WHERE t.value IN ('*', 'approval.*', 'approval.escalated'));
END;
