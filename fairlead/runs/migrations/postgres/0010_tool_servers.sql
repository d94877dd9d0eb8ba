-- oldest_reader: 1
-- How the MCP servers of a worker are, by their names: {"github": ["healthy", "12 tools"]}.
ALTER TABLE workers ADD COLUMN tool_servers text NOT NULL DEFAULT '{}';
