-- How far it is; and the lease goes on.
UPDATE erasures SET erased = :erased, waits_for = :waits_for, leased_until = {now} + :lease_us
WHERE tenant = :tenant AND id = :id AND finished_at IS NULL
