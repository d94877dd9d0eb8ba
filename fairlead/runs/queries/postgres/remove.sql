-- A run that has ended, and all that is known of it; with `only` when it is to be discarded like that.
WITH gone AS MATERIALIZED (
    SELECT tenant, id FROM runs
    WHERE tenant = :tenant AND id = :id AND finished_at IS NOT NULL AND (:only::text IS NULL OR discard = :only)
    FOR UPDATE
),
e AS (DELETE FROM events USING gone WHERE events.tenant = gone.tenant AND events.run_id = gone.id),
m AS (DELETE FROM messages USING gone WHERE messages.tenant = gone.tenant AND messages.run_id = gone.id),
a AS (DELETE FROM approvals USING gone WHERE approvals.tenant = gone.tenant AND approvals.run_id = gone.id)
DELETE FROM runs r USING gone WHERE r.tenant = gone.tenant AND r.id = gone.id RETURNING r.id
