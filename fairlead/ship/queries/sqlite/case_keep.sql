-- None where the suite has kept one of this name.
INSERT INTO kept_cases (environment, tenant, id, suite, name, agent, inputs, expected_output, evaluators, run_id,
                        release, user_id, kept_by, kept_at)
VALUES (:environment, :tenant, :id, :suite, :name, :agent, :inputs, :expected_output, :evaluators, :run_id,
        :release, :user_id, :kept_by, {now})
ON CONFLICT DO NOTHING
RETURNING *
