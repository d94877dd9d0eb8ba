UPDATE threads SET ttl = :ttl, expires_at = {now} + :after_us WHERE tenant = :tenant AND id = :id RETURNING id
