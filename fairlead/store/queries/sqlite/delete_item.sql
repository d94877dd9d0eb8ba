DELETE FROM store_words WHERE rowid = (
    SELECT number FROM store_items WHERE tenant = :tenant AND namespace = :namespace AND key = :key);
DELETE FROM store_items WHERE tenant = :tenant AND namespace = :namespace AND key = :key;
