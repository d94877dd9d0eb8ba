-- Runs that nobody holds go over to another release.
DROP TABLE IF EXISTS temp.moving;
CREATE TEMP TABLE moving AS
SELECT tenant, id, seq, fence, release FROM runs
WHERE tenant = :tenant AND status IN ('pending', 'interrupted') AND finished_at IS NULL
  AND (id = :id OR (:id IS NULL AND release = :from_release)) AND release <> :release
ORDER BY id LIMIT 1000;
INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
SELECT tenant, id, seq + 1, 'moved', {now}, fence, json_object('from', release, 'to', :release, 'by', :actor) FROM moving;
UPDATE runs SET release = :release, seq = seq + 1 WHERE (tenant, id) IN (SELECT tenant, id FROM moving)
RETURNING id;
