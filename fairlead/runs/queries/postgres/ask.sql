INSERT INTO approvals (tenant, run_id, id, question, data, created_at, expires_at, kind)
VALUES (:tenant, :run_id, :id, :question, :data, {now}, :expires_at, :kind)
ON CONFLICT DO NOTHING
RETURNING id
