DELETE FROM store_file_uses WHERE tenant = :tenant AND file_id = :id;
DELETE FROM store_files WHERE tenant = :tenant AND id = :id RETURNING id;
