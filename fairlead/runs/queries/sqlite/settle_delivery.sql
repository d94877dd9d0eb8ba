-- What came of one attempt. An attempt whose lease another has taken over changes nothing.
INSERT INTO delivery_attempts (tenant, delivery_id, number, at, took_us, status, error, answer)
SELECT tenant, id, :attempt, {now} - :took_us, :took_us, :answer_status, :error, :answer FROM deliveries
WHERE tenant = :tenant AND id = :id AND attempts = :attempt AND status = 'pending'
ON CONFLICT DO NOTHING;
UPDATE webhooks SET failing_since = CASE WHEN :delivered THEN NULL ELSE coalesce(failing_since, {now}) END
WHERE (tenant, id) IN (SELECT tenant, webhook_id FROM deliveries
    WHERE tenant = :tenant AND id = :id AND attempts = :attempt AND status = 'pending')
RETURNING failing_since, id;
UPDATE deliveries SET status = :status, next_at = :next_at, error = :error, answer_status = :answer_status,
    finished_at = CASE WHEN :status <> 'pending' THEN {now} END
WHERE tenant = :tenant AND id = :id AND attempts = :attempt AND status = 'pending';
