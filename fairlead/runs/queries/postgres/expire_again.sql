UPDATE threads SET expires_at = {now} + (ttl::json->>'us')::bigint WHERE tenant = :tenant AND id = :id
