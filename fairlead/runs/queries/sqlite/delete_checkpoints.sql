DELETE FROM checkpoints WHERE tenant = :tenant AND thread_id = :id
