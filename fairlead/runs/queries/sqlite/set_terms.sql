-- Who resumes a run says anew where it is to pause.
UPDATE runs SET terms = :terms WHERE tenant = :tenant AND id = :id AND finished_at IS NULL RETURNING id
