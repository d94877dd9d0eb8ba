DELETE FROM schedules WHERE tenant = :tenant AND id = :id RETURNING id
