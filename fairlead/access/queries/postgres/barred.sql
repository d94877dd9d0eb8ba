-- How the key and the user stand, each null where there is none of it.
SELECT k.revoked_at, k.expires_at, u.status
FROM (SELECT 1) AS one
LEFT JOIN api_keys k ON k.tenant = :tenant AND k.id = :key_id
LEFT JOIN users u ON u.tenant = :tenant AND u.digest = :user
