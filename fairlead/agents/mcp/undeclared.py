"""What stands for the MCP servers of a project that declares none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from fairlead.agents.mcp.declared import Server
from fairlead.agents.mcp.listed import Listed
from fairlead.errors import ConfigurationError
from fairlead.telemetry.health import Component


class NoServers:
    """Implements `ToolServers`."""

    def wake(self, names: Sequence[str]) -> None:
        for name in names:
            _refuse(name)

    def server(self, name: str) -> Server:
        _refuse(name)

    async def listing(self, server: str) -> list[dict[str, Any]]:
        _refuse(server)

    async def use(self, tool: Listed, arguments: Mapping[str, Any], meta: Mapping[str, Any]) -> Any:
        _refuse(tool.server)

    def misfit(self, schema: Mapping[str, Any], arguments: Any) -> str:
        return ""

    def conditions(self) -> Mapping[str, Component]:
        return {}

    async def close(self) -> None: ...


def _refuse(name: str) -> NoReturn:
    raise ConfigurationError(f"There is no MCP server `{name}`.", hint=f"Declare it: [mcp.{name}] in fairlead.toml.")
