-- Those that reach into the time since, and the last one before it.
SELECT began_at, last_at, ended FROM service_spans WHERE role = :role AND (
    last_at >= :since OR last_at = (SELECT max(last_at) FROM service_spans WHERE role = :role AND last_at < :since)
)
