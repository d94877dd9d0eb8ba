UPDATE approvals SET approved = false, decided_at = {now}, decided_by = :actor
WHERE tenant = :tenant AND run_id = :run_id AND id = :id AND approved IS NULL
