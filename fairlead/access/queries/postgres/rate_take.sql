-- Parts of which some may be in the window count whole. All is granted, or nothing; where several ask for one each, as
-- much as there is room for.
UPDATE rate_windows AS w SET
    granted = room.fits, used = room.used + room.fits,
    parts = CASE room.fits WHEN 0 THEN room.parts ELSE
        room.parts || jsonb_build_object(room.part, coalesce((room.parts ->> room.part)::bigint, 0) + room.fits) END
FROM (
    SELECT
        here.part::text AS part, counted.used, coalesce(counted.parts, '{}') AS parts,
        CASE WHEN counted.used + :amount <= :most THEN :amount
            WHEN :partial::boolean THEN greatest(0, :most - counted.used) ELSE 0 END AS fits
    FROM (SELECT at / :size AS part, parts FROM rate_windows WHERE caller = :caller) AS here,
    LATERAL (
        SELECT jsonb_object_agg(key, value) AS parts, coalesce(sum(value::bigint), 0)::bigint AS used
        FROM jsonb_each(here.parts) WHERE key::bigint BETWEEN here.part - :count AND here.part
    ) AS counted
) AS room
WHERE w.caller = :caller
RETURNING w.granted, w.used, w.at, CASE WHEN w.granted < :amount THEN w.parts::text END AS parts
