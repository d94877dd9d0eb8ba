-- oldest_reader: 1
-- Lists of threads page by their latest activity.
CREATE INDEX threads_by_activity ON threads (tenant, updated_at, id);
