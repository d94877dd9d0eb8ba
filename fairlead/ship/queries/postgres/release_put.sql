INSERT INTO releases (environment, build, digest, release, created_at)
VALUES (:environment, :build, :digest, :release, {now})
ON CONFLICT (environment, build) DO NOTHING
