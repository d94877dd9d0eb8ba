-- None while another one is open.
INSERT INTO deploys (environment, id, build, old_build, terms, started_by, started_at)
VALUES (:environment, :id, :build, :old_build, :terms, :started_by, {now})
ON CONFLICT DO NOTHING
RETURNING *, lease_until > {now} AS held
