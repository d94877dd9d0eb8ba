DELETE FROM sessions WHERE tenant = :tenant AND user_id = :id
