-- oldest_reader: 1
-- How many runs are held, as of now and not as of when the statement that asks began: a volatile function takes a
-- snapshot of its own. A claim that has waited for its turn must count what was claimed meanwhile.
CREATE FUNCTION fairlead_running() RETURNS bigint LANGUAGE sql VOLATILE
AS 'SELECT count(*) FROM runs WHERE status = ''running''';
