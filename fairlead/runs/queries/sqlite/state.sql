SELECT status, finished_at, wakes FROM runs WHERE tenant = :tenant AND id = :id
