-- rows: tenant text, id text, at int
UPDATE api_keys SET last_used_at = r.at FROM {rows} AS r
WHERE api_keys.tenant = r.tenant AND api_keys.id = r.id
  AND (api_keys.last_used_at IS NULL OR api_keys.last_used_at < r.at)
