-- No row: this process was declared lost.
UPDATE budget_owners SET lease_until = {now} + :lease_us WHERE id = :id RETURNING id
