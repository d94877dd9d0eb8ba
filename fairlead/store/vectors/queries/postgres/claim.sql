-- One that waits, of those that are named: whoever has it has it until then. `hurry`: whenever it was to be tried again.
UPDATE knowledge_embedding SET claim = :claim::text, not_before = {now} + :lease::bigint, tries = tries + 1
WHERE (tenant, collection, document) = (
    SELECT tenant, collection, document FROM knowledge_embedding
    WHERE done_at IS NULL AND model = :model AND (:tenant::text IS NULL OR tenant = :tenant)
      AND (:collection::text IS NULL OR collection = :collection) AND (:id::text IS NULL OR document = :id)
      AND (not_before <= {now} OR (:hurry::boolean AND claim IS NULL))
    ORDER BY not_before LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING tenant, collection, document, user_id, tries
