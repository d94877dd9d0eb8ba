-- SQLite has one writer at a time.
SELECT id FROM budget_owners WHERE id = :owner
