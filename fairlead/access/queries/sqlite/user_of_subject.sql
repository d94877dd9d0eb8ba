SELECT * FROM users WHERE subject = :subject AND status <> 'deleted'
