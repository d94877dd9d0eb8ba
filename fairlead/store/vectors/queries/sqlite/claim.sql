-- One that waits, of those that are named: whoever has it has it until then. `hurry`: whenever it was to be tried again.
UPDATE knowledge_embedding SET claim = :claim, not_before = {now} + :lease, tries = tries + 1
WHERE rowid = (
    SELECT rowid FROM knowledge_embedding
    WHERE done_at IS NULL AND model = :model AND (:tenant IS NULL OR tenant = :tenant)
      AND (:collection IS NULL OR collection = :collection) AND (:id IS NULL OR document = :id)
      AND (not_before <= {now} OR (:hurry AND claim IS NULL))
    ORDER BY not_before LIMIT 1)
RETURNING tenant, collection, document, user_id, tries
