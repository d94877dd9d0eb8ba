-- A value is changed whole; :kind null: it stays.
UPDATE scores SET
    kind = coalesce(:kind::text, kind),
    number = CASE WHEN :kind::text IS NULL THEN number ELSE :number::float8 END,
    category = CASE WHEN :kind::text IS NULL THEN category ELSE :category::text END,
    comment = CASE WHEN :comment_given::int = 1 THEN :comment::text ELSE comment END,
    updated_at = :now
WHERE tenant = :tenant AND run_id = :run_id AND id = :id RETURNING *
