DROP TABLE IF EXISTS temp.old;
CREATE TEMP TABLE old AS SELECT number FROM store_items WHERE expires_at <= :now LIMIT :batch;
DELETE FROM store_words WHERE rowid IN (SELECT number FROM old);
DELETE FROM store_items WHERE number IN (SELECT number FROM old) RETURNING key;
