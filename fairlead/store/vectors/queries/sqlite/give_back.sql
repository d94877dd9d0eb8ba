-- Not embedded: with what was wrong, and not before some time has passed.
UPDATE knowledge_embedding SET claim = NULL, not_before = {now} + :pause, problem = :problem
WHERE tenant = :tenant AND collection = :collection AND document = :id AND claim = :claim AND done_at IS NULL
RETURNING tries
