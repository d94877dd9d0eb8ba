-- A worker that holds nothing leaves; one that does is found by its lease.
DELETE FROM workers WHERE id = :id AND NOT EXISTS (SELECT 1 FROM runs WHERE owner = :id AND status = 'running')
