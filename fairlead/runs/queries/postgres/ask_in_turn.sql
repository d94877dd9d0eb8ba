INSERT INTO approval_turns (tenant, run_id, approval_id, place, due_at, asked, told_at)
VALUES (:tenant, :run_id, :approval_id, :place, :due_at, :asked, :told_at)
ON CONFLICT DO NOTHING
