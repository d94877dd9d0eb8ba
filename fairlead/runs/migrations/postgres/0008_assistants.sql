-- oldest_reader: 1
-- As which assistant a run runs, with the config and context it was given: JSON, or null for the agent as declared.
ALTER TABLE runs ADD COLUMN assignment text;
CREATE TABLE assistants (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
-- A version never changes.
CREATE TABLE assistant_versions (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    agent text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    config text NOT NULL,
    context text NOT NULL,
    metadata jsonb NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    PRIMARY KEY (tenant, id, version)
);
