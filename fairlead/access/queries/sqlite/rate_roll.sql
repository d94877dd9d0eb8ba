-- The clock of a caller, who is held until what they take is written. Processes read it before they wait for the row:
-- a little back is now.
INSERT INTO rate_windows AS w (caller, parts, used, granted, at, ends_at)
SELECT :caller, '{}', 0, 0, c.at, (c.at / :size + :count + 2) * :size
FROM (SELECT CAST({now} AS bigint) AS at) AS c WHERE true
ON CONFLICT (caller) DO UPDATE SET
    at = CASE WHEN w.at - excluded.at BETWEEN 0 AND :size THEN w.at ELSE excluded.at END, ends_at = excluded.ends_at
