-- Takes the row that all changes take: the next statements are the only ones that change keys now.
UPDATE api_key_changes SET version = version + 1
