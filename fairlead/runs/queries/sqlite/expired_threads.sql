SELECT tenant, id, ttl FROM threads WHERE expires_at <= {now} ORDER BY expires_at LIMIT 500
