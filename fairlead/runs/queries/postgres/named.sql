SELECT * FROM runs WHERE tenant = :tenant AND id = ANY (ARRAY(SELECT jsonb_array_elements_text(:ids::jsonb)))
