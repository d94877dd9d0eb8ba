-- oldest_reader: 1
-- What is left of a provider's limits, shared by all processes: bucket.py reads and writes `state`.
CREATE TABLE model_rates (
    name text NOT NULL PRIMARY KEY,
    version bigint NOT NULL,
    state text NOT NULL
);
