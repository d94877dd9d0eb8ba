DELETE FROM store_items WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM store_items WHERE expires_at <= :now LIMIT :batch FOR UPDATE SKIP LOCKED))
RETURNING key
