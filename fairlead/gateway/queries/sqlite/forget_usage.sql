DELETE FROM usage WHERE (at, id) IN (
    SELECT at, id FROM usage WHERE at < :before LIMIT :batch
);
SELECT changes() AS deleted;
