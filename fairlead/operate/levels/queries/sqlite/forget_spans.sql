DELETE FROM service_spans WHERE (process, began_at) IN (SELECT process, began_at FROM service_spans WHERE last_at < :before LIMIT :batch);
SELECT changes() AS swept
