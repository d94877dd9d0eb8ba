-- oldest_reader: 1
-- One writer: a statement sees all that was claimed before it, and needs no function for that as PostgreSQL does.
SELECT 1;
