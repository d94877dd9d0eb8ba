UPDATE deliveries SET status = 'failed', finished_at = {now}, error = :reason
WHERE tenant = :tenant AND webhook_id = :id AND status = 'pending' AND :id <> 'runs';
UPDATE webhooks SET enabled = false, disabled_reason = :reason
WHERE tenant = :tenant AND id = :id AND enabled AND id <> 'runs' RETURNING id;
