-- The window slides: of the bucket before as much counts as the window still covers. All is granted, or nothing.
INSERT INTO rate_taken AS t (caller, number, before, now, granted, at, ends_at)
SELECT :caller, c.at / :size, 0, :amount, :amount, c.at, (c.at / :size + 2) * :size FROM (SELECT CAST({now} AS bigint) AS at) AS c WHERE true
ON CONFLICT (caller) DO UPDATE SET
    before = CASE t.number WHEN excluded.number THEN t.before WHEN excluded.number - 1 THEN t.now ELSE 0 END,
    granted = CASE WHEN
        CASE t.number WHEN excluded.number THEN t.before WHEN excluded.number - 1 THEN t.now ELSE 0 END
            * (:size - excluded.at % :size) / :size
        + CASE t.number WHEN excluded.number THEN t.now ELSE 0 END + :amount <= :most THEN :amount ELSE 0 END,
    now = CASE t.number WHEN excluded.number THEN t.now ELSE 0 END + CASE WHEN
        CASE t.number WHEN excluded.number THEN t.before WHEN excluded.number - 1 THEN t.now ELSE 0 END
            * (:size - excluded.at % :size) / :size
        + CASE t.number WHEN excluded.number THEN t.now ELSE 0 END + :amount <= :most THEN :amount ELSE 0 END,
    number = excluded.number, at = excluded.at, ends_at = excluded.ends_at
RETURNING granted, before, now, at
