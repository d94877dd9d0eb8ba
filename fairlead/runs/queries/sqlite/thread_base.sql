-- Where a run that begins in this thread begins: what the thread keeps, but for what this very run has left there.
SELECT t.state_run_id, t.checkpoint_id, CASE WHEN c.id IS NULL THEN t.state ELSE p.state END AS state,
       CASE WHEN c.id IS NULL THEN t.checkpoint_id ELSE p.id END AS id
FROM threads t
LEFT JOIN checkpoints c ON c.tenant = t.tenant AND c.thread_id = t.id AND c.id = :run_id AND t.state_run_id = :run_id
LEFT JOIN checkpoints p ON p.tenant = t.tenant AND p.thread_id = t.id AND p.id = c.parent_id
WHERE t.tenant = :tenant AND t.id = :thread_id
