SELECT * FROM users WHERE tenant = :tenant AND digest = :digest AND status <> 'deleted'
