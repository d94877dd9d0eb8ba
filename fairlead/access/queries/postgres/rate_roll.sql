-- The bucket that is now, and the one before it; the row is held until what is taken is written.
INSERT INTO rate_taken AS t (caller, number, before, now, granted, at, ends_at)
SELECT :caller, c.at / :size, 0, 0, 0, c.at, (c.at / :size + 2) * :size
FROM (SELECT CAST({now} AS bigint) AS at) AS c WHERE true
ON CONFLICT (caller) DO UPDATE SET
    before = CASE t.number WHEN excluded.number THEN t.before WHEN excluded.number - 1 THEN t.now ELSE 0 END,
    now = CASE t.number WHEN excluded.number THEN t.now ELSE 0 END,
    number = excluded.number, at = excluded.at, ends_at = excluded.ends_at
