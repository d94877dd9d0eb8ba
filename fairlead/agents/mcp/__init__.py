"""Tools of MCP servers, for any agent.

Main path: a server is declared in fairlead.toml, kept alive by one task of the worker (`keeper`), asked for its tools
once for each run (`ctx.mcp`), and used as any tool is: through `ctx.use_tool`, recorded.

`declared` needs nothing but this package; everything else needs the extra `mcp`, and is imported where it is in use.
"""

from __future__ import annotations

from fairlead.agents.mcp.declared import Server as Server
from fairlead.agents.mcp.declared import ToolServers as ToolServers
from fairlead.agents.mcp.declared import parse_servers as parse_servers
