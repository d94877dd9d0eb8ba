-- rows: key text, kind text, name text, data text
-- What a person says of effects whose outcome is unknown; the run takes it for recorded.
INSERT INTO events (tenant, run_id, seq, type, kind, name, key, at, fence, data)
SELECT s.tenant, s.id, s.seq + row_number() OVER (ORDER BY o.key), 'outcome', o.kind, o.name, o.key, {now}, s.fence, o.data
FROM runs s, {rows} AS o
WHERE s.tenant = :tenant AND s.id = :id AND s.status = 'interrupted';
UPDATE runs SET seq = seq + (SELECT count(*) FROM {rows} AS o)
WHERE tenant = :tenant AND id = :id AND status = 'interrupted'
RETURNING id;
