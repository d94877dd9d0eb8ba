-- oldest_reader: 1
-- For which request and in which trace a run was started: JSON, or null where nobody asked (a schedule).
ALTER TABLE runs ADD COLUMN trace text;
