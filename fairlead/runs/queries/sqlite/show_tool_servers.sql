UPDATE workers SET tool_servers = :tool_servers WHERE id = :id AND lost_at IS NULL
