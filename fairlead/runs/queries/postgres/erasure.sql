SELECT * FROM erasures WHERE tenant = :tenant AND id = :id
