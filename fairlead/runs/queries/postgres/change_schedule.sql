-- Only what was seen: a change and a firing at once must not undo each other.
UPDATE schedules SET cron = :cron, timezone = :timezone, work = :work, metadata = :metadata, missed = :missed,
    overlap = :overlap, jitter_us = :jitter_us, start_at = :start_at, end_at = :end_at, enabled = :enabled,
    next_at = :next_at, updated_at = {now}, version = version + 1
WHERE tenant = :tenant AND id = :id AND version = :expected
RETURNING *
