-- A role, or whether they may come in. What they hold from before opens nothing.
UPDATE users SET role = :role, status = :status, valid_from = :at, version = (SELECT version FROM user_changes)
WHERE tenant = :tenant AND id = :id AND status <> 'deleted'
RETURNING *
