INSERT INTO erasures (tenant, id, user_id, digest, requested_by, requested_at)
VALUES (:tenant, :id, :user_id, :digest, :actor, {now}) ON CONFLICT DO NOTHING
