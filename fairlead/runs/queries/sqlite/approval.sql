SELECT *, NULL AS turns FROM approvals WHERE tenant = :tenant AND run_id = :run_id AND id = :id
