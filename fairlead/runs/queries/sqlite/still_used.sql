-- What was changed since its end was set has a new one.
UPDATE threads SET expires_at = updated_at + json_extract(ttl, '$.us') WHERE expires_at <= {now} AND updated_at + json_extract(ttl, '$.us') > {now}
