-- Waits for what the owner writes at this moment, and ends all that it would write later.
DELETE FROM budget_owners WHERE id = :lost AND (:fallen = 1 OR lease_until < {now}) RETURNING id
