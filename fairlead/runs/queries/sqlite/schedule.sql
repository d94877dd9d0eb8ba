SELECT * FROM schedules WHERE tenant = :tenant AND id = :id
