-- oldest_reader: 1
-- Unlogged: after a crash of the server the window begins anew.
-- What a caller took in each part of the window, by the number of the part; `used`: how many those are; `granted`: of
-- what was asked for last. Times are microseconds since 1970. `rate_taken`, which has two buckets, is for older code.
CREATE UNLOGGED TABLE rate_windows (
    caller text PRIMARY KEY,
    parts jsonb NOT NULL,
    used bigint NOT NULL,
    granted bigint NOT NULL,
    at bigint NOT NULL,
    ends_at bigint NOT NULL
);
CREATE INDEX rate_windows_end ON rate_windows (ends_at);
