SELECT * FROM store_files WHERE tenant = :tenant AND id = :id
