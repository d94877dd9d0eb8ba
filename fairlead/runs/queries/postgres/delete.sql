-- What is old, and what nobody wants kept.
WITH aged AS MATERIALIZED (
    SELECT tenant, id FROM runs WHERE finished_at < :before AND pruned LIMIT :batch FOR UPDATE SKIP LOCKED
),
unwanted AS MATERIALIZED (
    SELECT tenant, id FROM runs WHERE discard IS NOT NULL AND finished_at < :read_by LIMIT :batch FOR UPDATE SKIP LOCKED
),
old AS MATERIALIZED (SELECT tenant, id FROM aged UNION SELECT tenant, id FROM unwanted),
e AS (DELETE FROM events USING old WHERE events.tenant = old.tenant AND events.run_id = old.id),
m AS (DELETE FROM messages USING old WHERE messages.tenant = old.tenant AND messages.run_id = old.id),
s AS (DELETE FROM scores USING old WHERE scores.tenant = old.tenant AND scores.run_id = old.id),
a AS (DELETE FROM approvals USING old WHERE approvals.tenant = old.tenant AND approvals.run_id = old.id)
DELETE FROM runs r USING old WHERE r.tenant = old.tenant AND r.id = old.id RETURNING r.tenant, r.id
