INSERT INTO approvals (tenant, run_id, id, question, data, created_at, expires_at)
VALUES (:tenant, :run_id, :id, :question, :data, {now}, :expires_at)
ON CONFLICT DO NOTHING
