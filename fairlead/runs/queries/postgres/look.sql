-- rows: n int, tenant text, run_id text, after int
-- What followers of runs want to know: how each run is, and its events above `after`. One answer is of one moment: a run
-- seen to have ended has no events that are not seen.
SELECT g.n, r.status AS run_status, r.finished_at AS run_finished_at, e.*
FROM {rows} AS g
LEFT JOIN runs AS r ON r.tenant = g.tenant AND r.id = g.run_id
LEFT JOIN LATERAL (
    SELECT * FROM events WHERE events.tenant = g.tenant AND events.run_id = g.run_id AND events.seq > g.after
    ORDER BY events.seq LIMIT :limit
) AS e ON true
ORDER BY g.n, e.seq
