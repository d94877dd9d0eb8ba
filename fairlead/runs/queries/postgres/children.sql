-- By the index of parents, while `list` takes any filter.
SELECT * FROM runs WHERE tenant = :tenant AND parent_id = :parent_id ORDER BY id DESC LIMIT :limit
