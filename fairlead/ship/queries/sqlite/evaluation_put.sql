INSERT INTO evaluations (environment, id, suite, digest, agent, release, started_by, started_at, finished_at, verdict,
                         bounds, findings, figures, outcomes)
VALUES (:environment, :id, :suite, :digest, :agent, :release, :started_by, :started_at, :finished_at, :verdict,
        :bounds, :findings, :figures, :outcomes)
