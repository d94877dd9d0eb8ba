-- Makes the thread when it is new, and locks it for the statement that follows.
INSERT INTO threads (tenant, id, user_id, created_at, updated_at)
VALUES (:tenant, :thread_id, :user_id, {now}, {now})
ON CONFLICT (tenant, id) DO UPDATE SET updated_at = excluded.updated_at
