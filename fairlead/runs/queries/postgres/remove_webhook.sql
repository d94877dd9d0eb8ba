WITH gone AS (DELETE FROM webhooks WHERE tenant = :tenant AND id = :id RETURNING tenant, id),
ended AS (
    UPDATE deliveries SET status = 'failed', finished_at = {now}, error = 'the webhook was removed'
    WHERE tenant = :tenant AND webhook_id = :id AND status = 'pending'
)
SELECT id FROM gone
