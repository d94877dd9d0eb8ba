SELECT tenant, id FROM erasures WHERE finished_at IS NULL AND leased_until <= {now} ORDER BY id LIMIT 1
