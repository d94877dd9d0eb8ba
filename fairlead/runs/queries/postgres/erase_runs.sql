-- rows: tenant text, id text
-- Runs that have ended, and all that is known of them.
WITH gone AS MATERIALIZED (
    SELECT r.tenant, r.id FROM runs r JOIN {rows} AS g ON r.tenant = g.tenant AND r.id = g.id
    WHERE r.finished_at IS NOT NULL FOR UPDATE OF r
),
e AS (DELETE FROM events t USING gone WHERE t.tenant = gone.tenant AND t.run_id = gone.id),
m AS (DELETE FROM messages t USING gone WHERE t.tenant = gone.tenant AND t.run_id = gone.id),
a AS (DELETE FROM approvals t USING gone WHERE t.tenant = gone.tenant AND t.run_id = gone.id),
s AS (DELETE FROM scores t USING gone WHERE t.tenant = gone.tenant AND t.run_id = gone.id),
l AS (DELETE FROM score_links t USING gone WHERE t.tenant = gone.tenant AND t.run_id = gone.id),
u AS (DELETE FROM store_file_uses t USING gone WHERE t.tenant = gone.tenant AND t.run_id = gone.id),
d AS (DELETE FROM deliveries t USING gone WHERE t.tenant = gone.tenant AND t.run_id = gone.id RETURNING t.tenant, t.id),
n AS (DELETE FROM delivery_attempts t USING d WHERE t.tenant = d.tenant AND t.delivery_id = d.id)
DELETE FROM runs r USING gone WHERE r.tenant = gone.tenant AND r.id = gone.id
