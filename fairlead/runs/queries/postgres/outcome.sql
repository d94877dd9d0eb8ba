-- rows: key text, kind text, name text, data text
-- What a person says of effects whose outcome is unknown; the run takes it for recorded.
WITH stopped AS MATERIALIZED (
    SELECT tenant, id, seq, fence FROM runs
    WHERE tenant = :tenant AND id = :id AND status = 'interrupted'
    FOR UPDATE
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, kind, name, key, at, fence, data)
    SELECT s.tenant, s.id, s.seq + row_number() OVER (ORDER BY o.key), 'outcome', o.kind, o.name, o.key, {now}, s.fence, o.data
    FROM stopped s, {rows} AS o
    RETURNING seq
)
UPDATE runs r SET seq = r.seq + (SELECT count(*) FROM told)
FROM stopped s WHERE r.tenant = s.tenant AND r.id = s.id
RETURNING r.id
