DELETE FROM scores WHERE tenant = :tenant AND author = :author RETURNING id
