-- A value is changed whole; :kind null: it stays.
UPDATE scores SET
    kind = coalesce(:kind, kind),
    number = CASE WHEN :kind IS NULL THEN number ELSE :number END,
    category = CASE WHEN :kind IS NULL THEN category ELSE :category END,
    comment = CASE WHEN :comment_given = 1 THEN :comment ELSE comment END,
    updated_at = :now
WHERE tenant = :tenant AND run_id = :run_id AND id = :id RETURNING *
