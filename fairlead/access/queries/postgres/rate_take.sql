-- Of the bucket before as much counts as the window still covers. All is granted, or nothing; where several ask for one
-- each, as much as there is room for.
UPDATE rate_taken AS t SET granted = room.fits, now = t.now + room.fits
FROM (
    SELECT CASE WHEN free >= :amount THEN :amount WHEN :partial::boolean THEN greatest(0, free) ELSE 0 END AS fits
    FROM (SELECT :most - now - before * (:size - at % :size) / :size AS free FROM rate_taken WHERE caller = :caller) AS f
) AS room
WHERE t.caller = :caller
RETURNING granted, before, now, at
