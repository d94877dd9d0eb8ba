SELECT tenant, run_id, name FROM score_links WHERE digest = :digest AND expires_at > :now
