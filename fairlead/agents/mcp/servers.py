"""The MCP servers of one process: each kept by a keeper of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from jsonschema_specifications import REGISTRY  # pyright: ignore[reportMissingTypeStubs]
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult
from pydantic import ValidationError

from fairlead.agents.mcp.connection import OpenHttp
from fairlead.agents.mcp.declared import Server
from fairlead.agents.mcp.keeper import Keeper
from fairlead.agents.mcp.listed import Listed
from fairlead.agents.mcp.result import result_of
from fairlead.clock import Clock
from fairlead.errors import ConfigurationError, ToolFailed, ToolServerDown
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.health import Component


class KeptServers:
    """Implements `ToolServers`."""

    def __init__(self, servers: Mapping[str, Server], *, open_http: OpenHttp, clock: Clock, emit: Emit) -> None:
        self._emit = emit
        self._keepers = {
            name: Keeper(server, open_http=open_http, clock=clock, emit=emit) for name, server in servers.items()
        }

    def wake(self, names: Sequence[str]) -> None:
        for name in names:
            self._keeper(name).wake()

    def server(self, name: str) -> Server:
        return self._keeper(name).server

    async def listing(self, server: str) -> list[dict[str, Any]]:
        tools = await self._keeper(server).tools()
        return [tools[name].to_json() for name in sorted(tools)]

    async def use(self, tool: Listed, arguments: Mapping[str, Any], meta: Mapping[str, Any]) -> Any:
        keeper = self._keeper(tool.server)
        self._look_for_drift(tool, (await keeper.tools()).get(tool.name), arguments)

        async def work(client: Client) -> CallToolResult:
            return await client.call_tool(tool.name, dict(arguments), meta=dict(meta))  # pyright: ignore[reportArgumentType]

        try:
            said = await keeper.call(work)
        except ToolServerDown as error:
            hint = f"The tool `{tool.name}` may still have had its effect."
            raise ToolServerDown(error.message, hint="" if tool.safe_to_repeat else hint) from error
        except MCPError as error:
            raise ToolFailed(f"The tool `{tool.name}` of `{tool.server}` was refused: {error.message}") from error
        except (ValidationError, RuntimeError) as error:
            raise ToolFailed(f"The tool `{tool.name}` of `{tool.server}` gave no proper result: {error}") from error
        return result_of(said, tool=tool.name, server=tool.server, most=keeper.server.max_result)

    def misfit(self, schema: Mapping[str, Any], arguments: Any) -> str:
        return misfit(schema, arguments)

    def conditions(self) -> Mapping[str, Component]:
        return {name: keeper.condition for name, keeper in self._keepers.items()}

    async def close(self) -> None:
        await asyncio.gather(*(keeper.close() for keeper in self._keepers.values()))

    def _keeper(self, name: str) -> Keeper:
        if name not in self._keepers:
            known = ", ".join(f"`{one}`" for one in self._keepers) or "none"
            raise ConfigurationError(f"There is no MCP server `{name}`. There are: {known}.", hint="Declare it: [mcp].")
        return self._keepers[name]

    def _look_for_drift(self, tool: Listed, now: Listed | None, arguments: Mapping[str, Any]) -> None:
        """The run's arguments were made for the tool as the run first saw it. Raises `ToolFailed` when they don't fit
        what it has become since."""
        if now is not None and now.digest == tool.digest:
            return
        self._emit("mcp_tool_drifted", server=tool.server, tool=tool.name, gone=now is None)
        if now is None:
            raise ToolFailed(f"`{tool.server}` no longer has the tool `{tool.name}`, which it had when this run began.")
        if tool.safe_to_repeat and not now.safe_to_repeat:
            raise ToolFailed(f"The tool `{tool.name}` of `{tool.server}` is no longer safe to repeat.")
        if problem := misfit(now.schema, arguments):
            raise ToolFailed(f"The tool `{tool.name}` of `{tool.server}` has changed since this run began: {problem}")


def misfit(schema: Mapping[str, Any], arguments: Any) -> str:
    """What is wrong with the arguments; empty when nothing is, or when the schema is none. Nothing is fetched for it:
    a schema may refer to itself alone."""
    kind: Any = validator_for(schema)
    try:
        kind.check_schema(schema)
        validator: Validator = kind(schema, registry=REGISTRY)
        for error in validator.iter_errors(arguments):
            where = ".".join(str(part) for part in error.absolute_path)
            return f"`{where}`: {error.message[:500]}" if where else error.message[:500]
    except (SchemaError, LookupError, RecursionError):
        return ""
    return ""
