"""The MCP servers of a process, reached through the one client for addresses that others name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from fairlead.agents.mcp.declared import Server, ToolServers
from fairlead.agents.mcp.undeclared import NoServers
from fairlead.clock import Clock
from fairlead.egress import Egress
from fairlead.errors import ConfigurationError
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.health import Component, Condition

if TYPE_CHECKING:
    from httpx2 import AsyncClient

_CONNECT = 10.0  # seconds
_LONGEST_ANSWER = 16 * 1024**2  # bytes of an answer, or of one event of a stream


def open_tool_servers(servers: Mapping[str, Server], *, egress: Egress, clock: Clock, emit: Emit) -> ToolServers:
    """None of them is started yet. Raises `ConfigurationError` when the extra is not installed."""
    if not servers:
        return NoServers()
    try:
        made = import_module("fairlead.agents.mcp.servers").KeptServers
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "The project declares MCP servers, and the extra `mcp` is not installed.",
            hint="pip install 'fairlead[mcp]'",
        ) from error

    def open_http(server: Server) -> AsyncClient:
        # A call may say nothing for as long as it may take; the call itself is bounded elsewhere.
        waits = import_module("httpx2").Timeout(server.timeout.total_seconds() + _CONNECT, connect=_CONNECT)
        return egress.client(headers=server.headers, timeout=waits, max_bytes=_LONGEST_ANSWER)

    return made(servers, open_http=open_http, clock=clock, emit=emit)


def health_of_servers(told: Mapping[str, Component]) -> Component:
    """Of all workers' servers, by their names: unhealthy when none can be used."""
    if not told:
        return Component(Condition.DISABLED, "not in use")
    down = {name: one for name, one in told.items() if one.status is Condition.UNHEALTHY}
    if not down:
        return Component(Condition.HEALTHY, f"{len(told)} servers")
    status = Condition.UNHEALTHY if len(down) == len(told) else Condition.DEGRADED
    return Component(status, "; ".join(f"{name}: {one.message}" for name, one in sorted(down.items())))
