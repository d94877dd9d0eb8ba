-- Made by an administrator, and not yet signed in.
SELECT * FROM users WHERE lower(email) = lower(:email) AND subject IS NULL AND status = 'active' ORDER BY id
