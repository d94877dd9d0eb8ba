-- oldest_reader: 1
-- What callers upload for runs to read; the bytes are a blob.
CREATE TABLE store_files (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    size bigint NOT NULL,
    blob text NOT NULL,
    user_id text,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX store_files_expiring ON store_files (expires_at);
-- Which runs read which files: what a run needs that has not ended is kept.
CREATE TABLE store_file_uses (
    tenant text COLLATE "C" NOT NULL,
    file_id text COLLATE "C" NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (tenant, file_id, run_id)
);
