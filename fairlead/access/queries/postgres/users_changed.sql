-- Users whose tokens are not all good, changed since `seen`; one row at least.
SELECT c.version AS counted, u.digest, u.status, u.valid_from
FROM user_changes c LEFT JOIN users u ON u.version > :seen::bigint AND u.valid_from IS NOT NULL
