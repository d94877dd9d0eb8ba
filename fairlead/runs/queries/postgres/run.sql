SELECT * FROM runs WHERE tenant = :tenant AND id = :id
