UPDATE schedules SET next_at = :next_at, last_at = coalesce(:last_at, last_at),
    last_run_id = coalesce(:last_run_id, last_run_id), last_error = :error, version = version + 1
WHERE tenant = :tenant AND id = :id AND version = :expected
RETURNING id
