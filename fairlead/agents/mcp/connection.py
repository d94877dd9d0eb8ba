"""One connection to one server, whichever way it listens: open it, list its tools, hear when the list changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import httpx2
import mcp_types
from mcp.client import Client, IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

import fairlead
from fairlead.agents.mcp.declared import Server
from fairlead.agents.mcp.ending import Ended
from fairlead.agents.mcp.listed import Listed
from fairlead.agents.mcp.stdio import over_stdio
from fairlead.errors import FairleadError, ToolServerDown

OpenHttp = Callable[[Server], httpx2.AsyncClient]
"""A client that reaches only what may be reached, and sends the server's headers."""
_MOST_PAGES = 100
_MOST_TOOLS = 1000
_LONGEST_DESCRIPTION = 10_000


@dataclass(frozen=True, slots=True)
class Heard:
    """What a connection tells while it is open."""

    said: Callable[[str, str], None]  # where, and a line
    tools_changed: Callable[[], None]


@asynccontextmanager
async def connect(server: Server, heard: Heard, ended: Ended, *, open_http: OpenHttp) -> AsyncGenerator[Client]:
    """`ended` says when it is over. Raises whatever goes wrong; `reason_of` puts it into words."""

    async def on_message(message: IncomingMessage) -> None:
        if isinstance(message, mcp_types.ToolListChangedNotification):
            heard.tools_changed()

    if server.command:
        transport: Any = over_stdio(server, ended, heard.said)
        async with _client(transport, on_message) as client, _listening(client, heard):
            yield client
    else:
        async with (
            open_http(server) as http,
            _client(streamable_http_client(server.url, http_client=http), on_message) as client,
            _listening(client, heard),
        ):
            yield client


def _client(transport: Any, on_message: Any) -> Client:
    us = mcp_types.Implementation(name="fairlead", version=fairlead.__version__)
    return Client(transport, client_info=us, message_handler=on_message, cache=None)


@asynccontextmanager
async def _listening(client: Client, heard: Heard) -> AsyncGenerator[None]:
    """Since 2026-07-28 a client must ask to be told that the list of tools has changed."""
    tools = client.server_capabilities.tools
    if client.session.discover_result is None or tools is None or not tools.list_changed:
        yield
        return
    task = asyncio.create_task(_listen(client, heard))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _listen(client: Client, heard: Heard) -> None:
    while True:
        try:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    heard.tools_changed()
        except Exception as error:  # noqa: BLE001 the keeper looks at the list now and then in any case
            heard.said("client", f"cannot hear of changed tools: {reason_of(error)}")
        await asyncio.sleep(_LISTEN_AGAIN.total_seconds())


_LISTEN_AGAIN = timedelta(seconds=15)


async def list_tools(client: Client, server: Server) -> dict[str, Listed]:
    """Raises `ToolServerDown` when the list has no end."""
    found: dict[str, Listed] = {}
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found |= {tool.name: _listed(server, tool) for tool in page.tools if server.offers(tool.name)}
        cursor = page.next_cursor
        if len(found) > _MOST_TOOLS:
            break
        if cursor is None:
            return found
    raise ToolServerDown(
        f"The MCP server `{server.name}` lists more than {_MOST_TOOLS} tools.", hint=f"Set mcp.{server.name}.include."
    )


def _listed(server: Server, tool: mcp_types.Tool) -> Listed:
    hints = tool.annotations
    says = hints is not None and bool(hints.read_only_hint or hints.idempotent_hint)
    described = tool.description or tool.title or ""
    return Listed(
        server.name,
        tool.name,
        described[:_LONGEST_DESCRIPTION],
        tool.input_schema,
        server.may_repeat(tool.name, says=says),
    )


def reason_of(error: BaseException) -> str:
    """The first cause, in words: task groups wrap what went wrong in them."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    if isinstance(error, MCPError | FairleadError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, FileNotFoundError):
        return f"there is no {error.filename}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
