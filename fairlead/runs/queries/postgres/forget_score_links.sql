DELETE FROM score_links WHERE expires_at < :now
