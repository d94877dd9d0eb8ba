-- Never more than `most` of one status are counted: beyond that it is "many".
SELECT s.value AS status, (SELECT count(*) FROM (
    SELECT 1 FROM runs r WHERE r.tenant = :tenant AND r.status = s.value LIMIT :most)) AS count
FROM json_each('["pending", "running", "success", "error", "timeout", "interrupted"]') AS s
