-- oldest_reader: 1
-- A delivery may outlive its run: then it still says whose it was.
ALTER TABLE deliveries ADD COLUMN user_id text;
CREATE INDEX deliveries_of_user ON deliveries (tenant, user_id) WHERE user_id IS NOT NULL;
CREATE TRIGGER runs_left_deliveries AFTER DELETE ON runs WHEN OLD.user_id IS NOT NULL OR OLD.thread_id IS NOT NULL
BEGIN
    UPDATE deliveries SET user_id = coalesce(OLD.user_id, (
        SELECT user_id FROM threads t WHERE t.tenant = OLD.tenant AND t.id = OLD.thread_id))
    WHERE tenant = OLD.tenant AND run_id = OLD.id;
END;
