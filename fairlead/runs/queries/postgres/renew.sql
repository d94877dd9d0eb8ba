-- No row: this worker was declared lost and owns nothing any more.
UPDATE workers SET lease_until = {now} + :lease_us, draining = :draining
WHERE id = :id AND lost_at IS NULL
RETURNING {now} AS now
