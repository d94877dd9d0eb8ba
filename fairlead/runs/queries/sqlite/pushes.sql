SELECT * FROM task_pushes WHERE tenant = :tenant AND run_id = :run_id AND (:id IS NULL OR id = :id) ORDER BY id
