UPDATE threads SET expires_at = {now} + json_extract(ttl, '$.us') WHERE tenant = :tenant AND id = :id
