-- Runs that nobody holds go over to another release.
WITH waiting AS MATERIALIZED (
    SELECT tenant, id, seq, fence, release FROM runs
    WHERE tenant = :tenant AND status IN ('pending', 'interrupted') AND finished_at IS NULL
      AND (id = :id OR (:id::text IS NULL AND release = :from_release)) AND release <> :release
    ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, at, fence, data)
    SELECT tenant, id, seq + 1, 'moved', {now}, fence,
           json_build_object('from', release, 'to', :release::text, 'by', :actor::text)::text
    FROM waiting
)
UPDATE runs r SET release = :release, seq = r.seq + 1
FROM waiting w WHERE r.tenant = w.tenant AND r.id = w.id
RETURNING r.id
