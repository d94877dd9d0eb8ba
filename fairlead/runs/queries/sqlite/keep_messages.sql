-- rows: tenant text, run_id text, digest text, body text
INSERT INTO messages (tenant, run_id, digest, body) SELECT tenant, run_id, digest, body FROM {rows} AS r WHERE true
ON CONFLICT DO NOTHING
