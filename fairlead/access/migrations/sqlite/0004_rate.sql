-- oldest_reader: 1
-- What a caller took in the bucket of the window's length that is now, and in the one before it; `granted`: of what was
-- asked for last. Times are microseconds since 1970.
CREATE TABLE rate_taken (
    caller text PRIMARY KEY,
    number bigint NOT NULL,
    before bigint NOT NULL,
    now bigint NOT NULL,
    granted bigint NOT NULL,
    at bigint NOT NULL,
    ends_at bigint NOT NULL
);
CREATE INDEX rate_taken_end ON rate_taken (ends_at);
