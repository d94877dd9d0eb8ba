-- rows: n int, tenant text, run_id text, after int
-- What followers of runs want to know: how each run is, and its events above `after`. One answer is of one moment: a run
-- seen to have ended has no events that are not seen.
SELECT g.n, r.status AS run_status, r.finished_at AS run_finished_at, e.*
FROM {rows} AS g
LEFT JOIN runs AS r ON r.tenant = g.tenant AND r.id = g.run_id
LEFT JOIN events AS e ON e.tenant = g.tenant AND e.run_id = g.run_id AND e.seq > g.after AND e.seq <= (
    SELECT max(seq) FROM (
        SELECT seq FROM events AS next WHERE next.tenant = g.tenant AND next.run_id = g.run_id AND next.seq > g.after
        ORDER BY seq LIMIT :limit
    )
)
ORDER BY g.n, e.seq
