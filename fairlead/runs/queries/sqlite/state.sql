SELECT status, finished_at FROM runs WHERE tenant = :tenant AND id = :id
