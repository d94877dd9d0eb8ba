-- rows: tenant text, run_id text, fence int, seq int, type text
-- Which of these writes stand, whoever holds the run by now: asked only when some of a batch were refused. The event
-- itself must be there: a run that was taken from us has our next `seq` too, for the event that says so.
SELECT given.run_id, given.seq
FROM {rows} AS given
JOIN events e ON e.tenant = given.tenant AND e.run_id = given.run_id AND e.seq = given.seq
WHERE e.fence = given.fence AND e.type = given.type
