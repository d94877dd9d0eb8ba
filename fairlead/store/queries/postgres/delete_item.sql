DELETE FROM store_items WHERE tenant = :tenant AND namespace = :namespace AND key = :key
