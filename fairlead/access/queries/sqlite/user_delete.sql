UPDATE users
SET name = NULL, email = NULL, subject = NULL, status = 'deleted', valid_from = :at,
    version = (SELECT version FROM user_changes)
WHERE tenant = :tenant AND id = :id AND status <> 'deleted'
RETURNING *
