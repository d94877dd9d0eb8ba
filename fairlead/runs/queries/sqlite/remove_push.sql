DELETE FROM task_pushes WHERE tenant = :tenant AND run_id = :run_id AND id = :id RETURNING id
