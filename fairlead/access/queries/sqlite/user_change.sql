-- Takes the row that all changes of users take.
UPDATE user_changes SET version = version + 1
