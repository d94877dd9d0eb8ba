INSERT INTO schedules (tenant, id, assistant_id, thread_id, cron, timezone, work, metadata, missed, overlap, jitter_us,
    start_at, end_at, enabled, user_id, asker, created_by, created_at, updated_at, next_at)
VALUES (:tenant, :id, :assistant_id, :thread_id, :cron, :timezone, :work, :metadata, :missed, :overlap, :jitter_us,
    :start_at, :end_at, :enabled, :user_id, :asker, :actor, {now}, {now}, :next_at)
RETURNING *
