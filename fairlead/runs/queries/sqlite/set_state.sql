UPDATE threads SET state = :state, updated_at = {now} WHERE tenant = :tenant AND id = :id RETURNING id
