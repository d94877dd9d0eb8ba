-- oldest_reader: 1
-- A delivery may outlive its run: then it still says whose it was.
ALTER TABLE deliveries ADD COLUMN user_id text COLLATE "C";
CREATE INDEX deliveries_of_user ON deliveries (tenant, user_id) WHERE user_id IS NOT NULL;
CREATE FUNCTION fairlead_leave_deliveries() RETURNS trigger LANGUAGE plpgsql AS '
DECLARE whose text := coalesce(OLD.user_id, (SELECT user_id FROM threads t WHERE t.tenant = OLD.tenant AND t.id = OLD.thread_id));
BEGIN
    IF whose IS NOT NULL THEN
        UPDATE deliveries SET user_id = whose WHERE tenant = OLD.tenant AND run_id = OLD.id;
    END IF;
    RETURN NULL;
END';
CREATE TRIGGER runs_left_deliveries AFTER DELETE ON runs FOR EACH ROW
WHEN (OLD.user_id IS NOT NULL OR OLD.thread_id IS NOT NULL) EXECUTE FUNCTION fairlead_leave_deliveries();
