-- Parts of which some may be in the window count whole. All is granted, or nothing; where several ask for one each, as
-- much as there is room for.
UPDATE rate_windows AS w SET
    granted = room.fits, used = room.used + room.fits,
    parts = CASE room.fits WHEN 0 THEN room.parts ELSE json_set(
        room.parts, '$."' || room.part || '"', coalesce(json_extract(room.parts, '$."' || room.part || '"'), 0) + room.fits
    ) END
FROM (
    SELECT
        counted.part AS part, counted.parts AS parts, counted.used AS used,
        CASE WHEN counted.used + :amount <= :most THEN :amount
            WHEN :partial THEN max(0, :most - counted.used) ELSE 0 END AS fits
    FROM (
        SELECT
            here.at / :size AS part, json_group_object(one.key, one.value) FILTER (WHERE one.key IS NOT NULL) AS parts,
            coalesce(sum(one.value), 0) AS used
        FROM rate_windows AS here LEFT JOIN json_each(here.parts) AS one
            ON CAST(one.key AS integer) BETWEEN here.at / :size - :count AND here.at / :size
        WHERE here.caller = :caller
    ) AS counted
) AS room
WHERE w.caller = :caller
RETURNING granted, used, at, CASE WHEN granted < :amount THEN parts END AS parts
