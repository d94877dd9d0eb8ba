SELECT * FROM checkpoints WHERE tenant = :tenant AND thread_id = :thread_id AND id = :id
