DELETE FROM rate_windows WHERE ends_at < {now}
