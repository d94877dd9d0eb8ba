-- oldest_reader: 1
-- Whose data is to go, and how far that is. `user_id` is forgotten in the end; the digest proves whom it was of.
-- Without either it is all of the tenant. `erased` counts by kind: {"run": 12}.
CREATE TABLE erasures (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    user_id text,
    digest text,
    requested_by text NOT NULL,
    requested_at bigint NOT NULL,
    leased_until bigint NOT NULL DEFAULT 0,
    erased text NOT NULL DEFAULT '{}',
    waits_for text,
    finished_at bigint,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX erasures_open ON erasures (id) WHERE finished_at IS NULL;
-- What is erased with a run is found by it.
CREATE INDEX deliveries_of_run ON deliveries (tenant, run_id);
CREATE INDEX score_links_of_run ON score_links (tenant, run_id);
