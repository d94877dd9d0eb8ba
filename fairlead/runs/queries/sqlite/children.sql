-- By the index of parents, for which the order must not come from that of ids: `list` takes any filter, and reads all runs.
SELECT * FROM runs WHERE tenant = :tenant AND parent_id = :parent_id ORDER BY +id DESC LIMIT :limit
