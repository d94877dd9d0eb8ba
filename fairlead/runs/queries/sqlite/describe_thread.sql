UPDATE threads SET metadata = (
    SELECT json_group_object(key, json(CASE WHEN type IN ('object', 'array') THEN value ELSE json_quote(
        CASE type WHEN 'true' THEN json('true') WHEN 'false' THEN json('false') ELSE value END) END))
    FROM (SELECT key, value, type FROM json_each(threads.metadata)
          WHERE key NOT IN (SELECT key FROM json_each(:metadata))
          UNION ALL SELECT key, value, type FROM json_each(:metadata))), updated_at = {now}
WHERE tenant = :tenant AND id = :id RETURNING id
