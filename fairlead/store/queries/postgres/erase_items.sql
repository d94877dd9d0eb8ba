-- A user's: those with the user among the labels of their namespace.
WITH gone AS (
    DELETE FROM store_items WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM store_items
        WHERE tenant = :tenant AND (:user::text IS NULL OR strpos('.' || namespace || '.', '.' || :user || '.') > 0)
        LIMIT :batch FOR UPDATE))
    RETURNING 1
)
SELECT count(*) AS erased, false AS waiting FROM gone
