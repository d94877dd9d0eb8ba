-- Whichever was not looked at for longest: one that waits must not stand before the others.
SELECT tenant, id FROM erasures WHERE finished_at IS NULL AND leased_until <= {now} ORDER BY leased_until, id LIMIT 1
