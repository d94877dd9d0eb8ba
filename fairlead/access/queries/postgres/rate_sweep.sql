DELETE FROM rate_taken WHERE ends_at < {now}
