-- Finished runs keep their shape and their last checkpoints; the contents of the others go.
DROP TABLE IF EXISTS temp.old;
CREATE TEMP TABLE old AS
SELECT tenant, id FROM runs WHERE finished_at < :before AND NOT pruned LIMIT :batch;
UPDATE events SET data = NULL
WHERE type IN ('step', 'failed', 'intent') AND (tenant, run_id) IN (SELECT tenant, id FROM old)
  AND seq < (SELECT min(seq) FROM (SELECT k.seq FROM events k WHERE k.tenant = events.tenant AND k.run_id = events.run_id
             AND k.type = 'step' ORDER BY k.seq DESC LIMIT :keep));
DELETE FROM messages WHERE (tenant, run_id) IN (SELECT tenant, id FROM old);
UPDATE runs SET pruned = 1 WHERE (tenant, id) IN (SELECT tenant, id FROM old) RETURNING id;
