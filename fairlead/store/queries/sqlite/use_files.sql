-- rows: id text
-- Those that are there are needed by the run from now on; who is not answered is gone.
INSERT INTO store_file_uses (tenant, file_id, run_id, created_at)
SELECT f.tenant, f.id, :run_id, :now FROM store_files f
WHERE f.tenant = :tenant AND f.id IN (SELECT id FROM {rows} AS r)
ON CONFLICT (tenant, file_id, run_id) DO UPDATE SET created_at = excluded.created_at
RETURNING file_id;
