-- rows: tenant text, run_id text, digest text, body text
INSERT INTO messages (tenant, run_id, digest, body) SELECT tenant, run_id, digest, body FROM {rows} AS r
ON CONFLICT DO NOTHING
