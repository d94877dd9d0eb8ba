DELETE FROM sessions WHERE digest = :digest RETURNING tenant, user_id
