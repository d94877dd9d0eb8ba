-- Waits for the worker's writes under way, and refuses all that come after.
UPDATE workers SET lost_at = {now}
WHERE id = :lost AND lost_at IS NULL AND (:fallen::boolean OR lease_until < {now})
RETURNING id
