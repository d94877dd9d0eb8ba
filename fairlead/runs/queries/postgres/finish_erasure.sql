-- Whom it was of is forgotten, too.
UPDATE erasures SET erased = :erased, waits_for = NULL, user_id = NULL, finished_at = {now}
WHERE tenant = :tenant AND id = :id AND finished_at IS NULL RETURNING id
