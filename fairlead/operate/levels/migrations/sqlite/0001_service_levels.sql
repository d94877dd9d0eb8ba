-- oldest_reader: 1
-- How many there were of a kind, in a bucket, as one process saw it in one minute ('at' is in minutes since 1970, 'span'
-- 1); later, as all did in one hour (span 60, process ''). Buckets are ends of times, or 0 good and 1 failed.
CREATE TABLE service_counts (
    span integer NOT NULL,
    at bigint NOT NULL,
    process text NOT NULL,
    kind text NOT NULL,
    bucket integer NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (span, at, process, kind, bucket)
) WITHOUT ROWID;

-- A process was there from 'began_at' to 'last_at' (microseconds) and reached the database. 'ended': it was asked to go.
CREATE TABLE service_spans (
    process text NOT NULL,
    began_at bigint NOT NULL,
    role text NOT NULL,
    last_at bigint NOT NULL,
    ended text,
    PRIMARY KEY (process, began_at)
) WITHOUT ROWID;
CREATE INDEX service_spans_last ON service_spans (role, last_at);
