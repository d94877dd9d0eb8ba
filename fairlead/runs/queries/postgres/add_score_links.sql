-- rows: digest text, tenant text, run_id text, name text, expires_at int
INSERT INTO score_links (digest, tenant, run_id, name, expires_at)
SELECT digest, tenant, run_id, name, expires_at FROM {rows} AS r WHERE true ON CONFLICT DO NOTHING;
