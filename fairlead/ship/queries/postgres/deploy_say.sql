UPDATE deploys SET word = :word, word_by = :by
WHERE environment = :environment AND id = :id AND finished_at IS NULL
RETURNING *
