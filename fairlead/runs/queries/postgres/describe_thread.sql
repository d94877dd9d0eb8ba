UPDATE threads SET metadata = metadata || :metadata::jsonb, updated_at = {now}
WHERE tenant = :tenant AND id = :id RETURNING id
