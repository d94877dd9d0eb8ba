UPDATE approvals SET approved = 0, decided_at = {now}, decided_by = :actor
WHERE tenant = :tenant AND run_id = :run_id AND id = :id AND approved IS NULL
