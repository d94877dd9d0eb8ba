-- Finished runs keep their shape and their last checkpoints; the contents of the others go.
WITH old AS MATERIALIZED (
    SELECT tenant, id FROM runs
    WHERE finished_at < :before AND NOT pruned AND status IN ('success', 'error', 'timeout', 'interrupted')
    LIMIT :batch FOR UPDATE SKIP LOCKED
),
emptied AS (
    UPDATE events e SET data = NULL FROM old
    WHERE e.tenant = old.tenant AND e.run_id = old.id AND e.type IN ('step', 'failed', 'intent')
      AND e.seq < (SELECT min(seq) FROM (SELECT seq FROM events k WHERE k.tenant = old.tenant AND k.run_id = old.id
                   AND k.type = 'step' ORDER BY seq DESC LIMIT :keep) AS kept)
),
forgotten AS (
    DELETE FROM messages m USING old WHERE m.tenant = old.tenant AND m.run_id = old.id
)
UPDATE runs r SET pruned = true FROM old WHERE r.tenant = old.tenant AND r.id = old.id RETURNING r.id
