-- What came of one attempt. An attempt whose lease another has taken over changes nothing.
WITH settled AS (
    UPDATE deliveries SET status = :status, next_at = :next_at, error = :error, answer_status = :answer_status,
        finished_at = CASE WHEN :status::text <> 'pending' THEN {now} END
    WHERE tenant = :tenant AND id = :id AND attempts = :attempt AND status = 'pending'
    RETURNING tenant, id, webhook_id
),
kept AS (
    INSERT INTO delivery_attempts (tenant, delivery_id, number, at, took_us, status, error, answer)
    SELECT tenant, id, :attempt, {now} - :took_us, :took_us, :answer_status, :error, :answer FROM settled
    ON CONFLICT DO NOTHING
)
UPDATE webhooks w SET failing_since = CASE WHEN :delivered THEN NULL ELSE coalesce(w.failing_since, {now}) END
FROM settled s WHERE w.tenant = s.tenant AND w.id = s.webhook_id
RETURNING w.failing_since, w.id
