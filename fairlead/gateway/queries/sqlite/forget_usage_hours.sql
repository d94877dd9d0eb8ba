DELETE FROM usage_hours WHERE (tenant, dimension, hour, name) IN (
    SELECT tenant, dimension, hour, name FROM usage_hours WHERE hour < :before LIMIT :batch
);
SELECT changes() AS deleted;
