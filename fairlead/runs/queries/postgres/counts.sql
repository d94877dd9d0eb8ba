-- Never more than `most` of one status are counted: beyond that it is "many".
SELECT s.status, (SELECT count(*) FROM (
    SELECT 1 FROM runs r WHERE r.tenant = :tenant AND r.status = s.status LIMIT :most) AS found) AS count
FROM unnest(ARRAY['pending', 'running', 'success', 'error', 'timeout', 'interrupted']) AS s(status)
