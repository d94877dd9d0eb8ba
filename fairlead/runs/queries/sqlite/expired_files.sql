-- Past their time, and of no run that has not ended; a use that is fresh may be of a run that is just being submitted.
SELECT f.tenant, f.id FROM store_files f
WHERE f.expires_at <= :now AND NOT EXISTS (
    SELECT 1 FROM store_file_uses u LEFT JOIN runs r ON r.tenant = u.tenant AND r.id = u.run_id
    WHERE u.tenant = f.tenant AND u.file_id = f.id
      AND ((r.id IS NOT NULL AND r.finished_at IS NULL) OR (r.id IS NULL AND u.created_at > :fresh)))
LIMIT :batch
