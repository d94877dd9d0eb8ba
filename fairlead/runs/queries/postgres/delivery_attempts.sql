SELECT a.* FROM delivery_attempts a
WHERE a.tenant = :tenant AND a.delivery_id IN (SELECT json_array_elements_text(:ids::json)) ORDER BY delivery_id, number
