INSERT INTO deliveries (tenant, id, webhook_id, lane, run_id, type, data, created_at, give_up_at, next_at)
VALUES (:tenant, :id, :webhook_id, :webhook_id, '', 'webhook.test', :data, {now}, {now} + :day_us, {now})
RETURNING *
