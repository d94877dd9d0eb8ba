-- What changed since `seen`, and how far that is; at first all that are not revoked. One row at least.
SELECT c.version AS counted, k.*
FROM api_key_changes c LEFT JOIN (
    SELECT k.*, s.digest AS digest, s.expires_at AS secret_expires_at
    FROM api_keys k LEFT JOIN api_key_secrets s ON s.tenant = k.tenant AND s.key_id = k.id
    WHERE k.version > :seen AND (:seen > 0 OR k.revoked_at IS NULL)
) k ON true
