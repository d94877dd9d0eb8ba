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

CREATE FUNCTION fairlead_forget_turns() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
    DELETE FROM approval_turns WHERE tenant = OLD.tenant AND run_id = OLD.run_id AND approval_id = OLD.id;
    RETURN NULL;
END';
CREATE TRIGGER approvals_gone AFTER DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION fairlead_forget_turns();

CREATE FUNCTION fairlead_tell_escalation() RETURNS trigger LANGUAGE plpgsql AS '
DECLARE one record;
BEGIN
    SELECT r.agent, a.question, a.expires_at INTO one
    FROM approvals a JOIN runs r ON r.tenant = a.tenant AND r.id = a.run_id
    WHERE a.tenant = NEW.tenant AND a.run_id = NEW.run_id AND a.id = NEW.approval_id;
    IF FOUND THEN
        PERFORM fairlead_tell(NEW.tenant, one.agent, NEW.run_id, ''approval.escalated'', json_build_object(
            ''approval_id'', NEW.approval_id, ''question'', one.question, ''expires_at'', one.expires_at,
            ''asked'', NEW.asked::json));
    END IF;
    RETURN NULL;
END';
CREATE TRIGGER approvals_escalated AFTER UPDATE OF told_at ON approval_turns FOR EACH ROW
WHEN (NEW.told_at IS NOT NULL AND OLD.told_at IS NULL AND NEW.asked <> '[]') EXECUTE FUNCTION fairlead_tell_escalation();
