-- The messages that the model calls of a fork's forebear were asked with.
INSERT INTO messages (tenant, run_id, digest, body)
SELECT tenant, :id, digest, body FROM messages WHERE tenant = :tenant AND run_id = :of
  AND EXISTS (SELECT 1 FROM runs r WHERE r.tenant = :tenant AND r.id = :id)
ON CONFLICT DO NOTHING
