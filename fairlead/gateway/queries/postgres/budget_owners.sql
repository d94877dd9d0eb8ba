SELECT id, lease_until < {now} AS expired FROM budget_owners WHERE id <> :id ORDER BY id
