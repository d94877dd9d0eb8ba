-- A user's calls become nobody's; a tenant's go.
WITH theirs AS MATERIALIZED (
    SELECT at, id FROM usage WHERE tenant = :tenant AND (:user::text IS NULL OR user_id = :user)
    LIMIT :batch::bigint * 20 FOR UPDATE
),
blanked AS (
    UPDATE usage u SET user_id = NULL FROM theirs WHERE :user::text IS NOT NULL AND (u.at, u.id) = (theirs.at, theirs.id)
),
gone AS (DELETE FROM usage u USING theirs WHERE :user::text IS NULL AND (u.at, u.id) = (theirs.at, theirs.id))
SELECT count(*) AS erased, false AS waiting FROM theirs
