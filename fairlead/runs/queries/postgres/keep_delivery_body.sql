UPDATE deliveries SET body = coalesce(body, :body) WHERE tenant = :tenant AND id = :id RETURNING body
