WITH off AS (
    UPDATE webhooks SET enabled = false, disabled_reason = :reason
    WHERE tenant = :tenant AND id = :id AND enabled AND id <> 'runs' RETURNING tenant, id
),
ended AS (
    UPDATE deliveries d SET status = 'failed', finished_at = {now}, error = :reason
    FROM off WHERE d.tenant = off.tenant AND d.webhook_id = off.id AND d.status = 'pending'
)
SELECT id FROM off
