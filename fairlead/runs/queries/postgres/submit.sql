-- rows: tenant text, id text, agent text, release text, priority int, thread_id text, parent_id text, root_id text, idempotency_key text, input text, metadata text, reason text, wake_at int, deadline int, budget_nano int, created_at int, user_id text, asker text, terms text, discard text, assignment text, webhook text, trace text
-- A repeated id or idempotency key starts nothing; the caller looks up the run that holds it.
WITH given AS MATERIALIZED (SELECT * FROM {rows} AS r),
fresh AS (
    INSERT INTO runs (tenant, id, agent, release, priority, thread_id, parent_id, root_id, idempotency_key, input,
                      metadata, reason, wake_at, deadline, budget_nano, created_at, user_id, asker, terms,
                      discard, assignment, webhook, trace)
    SELECT tenant, id, agent, release, priority, thread_id, parent_id, root_id, idempotency_key, input,
           metadata::jsonb, reason, wake_at, deadline, budget_nano, created_at, user_id, asker, terms, discard,
           assignment, webhook, trace
    FROM given
    ON CONFLICT DO NOTHING
    RETURNING tenant, id, agent, created_at
),
told AS (
    INSERT INTO events (tenant, run_id, seq, type, name, at)
    SELECT tenant, id, 1, 'accepted', agent, created_at FROM fresh
)
SELECT tenant, id FROM fresh
