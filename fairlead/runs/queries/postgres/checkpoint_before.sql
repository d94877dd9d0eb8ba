-- Where the thread stood at a moment.
SELECT * FROM checkpoints
WHERE tenant = :tenant AND thread_id = :thread_id AND created_at <= :at AND id <> :run_id AND source <> 'fork'
ORDER BY created_at DESC, id DESC LIMIT 1
