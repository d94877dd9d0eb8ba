-- Those whose ids begin so, and the newest of the release of that name.
SELECT * FROM (
    SELECT * FROM evaluations WHERE environment = :environment AND substr(id, 1, length(:given::text)) = :given::text LIMIT 2
) AS by_id
UNION ALL
SELECT * FROM (
    SELECT * FROM evaluations WHERE environment = :environment AND release = :given::text
    ORDER BY started_at DESC, id DESC LIMIT 1
) AS by_release
