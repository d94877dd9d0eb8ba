-- A row comes back to one process only: it is the one that tells.
UPDATE budget_accounts SET warned = :percent WHERE id = :account AND warned < :percent::bigint RETURNING id
