SELECT digest, body FROM messages WHERE tenant = :tenant AND run_id = :run_id
