"""A server's tools as tools of ours: what the model sees, how arguments are looked at, what a use of one does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from fairlead.agents.mcp.declared import ToolServers
from fairlead.agents.mcp.listed import Listed, shown_names
from fairlead.agents.signature import Signature
from fairlead.agents.tool import Tool
from fairlead.errors import InvalidInput

_CONTEXT = "\0ctx"  # no name that a model could give an argument
_META = "fairlead/"
_ANY: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class RemoteSignature(Signature):
    """The schema is the server's; it checks arguments too, and knows more of them than we do."""

    servers: ToolServers

    def validate(self, arguments: Any) -> dict[str, Any]:
        if not isinstance(arguments, dict):
            raise InvalidInput("Wrong arguments: they must be an object.")
        given: dict[str, Any] = dict(arguments)  # pyright: ignore[reportUnknownArgumentType]
        if _CONTEXT in given:
            raise InvalidInput("Wrong arguments: a name holds a NUL character.")
        if problem := self.servers.misfit(self.schema, given):
            raise InvalidInput(f"Wrong arguments: {problem}")
        return given


def tools_of(
    listings: Mapping[str, Sequence[Mapping[str, Any]]], servers: ToolServers, *, taken: Collection[str] = ()
) -> list[Tool]:
    """`listings` are what the servers said (`ToolServers.listing`) when the run first asked."""
    listed = [Listed.from_json(server, one) for server, said in listings.items() for one in said]
    return [_tool(one, name, servers) for one, name in zip(listed, shown_names(listed, taken), strict=True)]


def _tool(listed: Listed, name: str, servers: ToolServers) -> Tool:
    async def use(**given: Any) -> Any:
        ctx = given.pop(_CONTEXT)
        meta = {f"{_META}idempotency-key": ctx.idempotency_key, f"{_META}run-id": ctx.run_id}
        return await servers.use(listed, given, meta)

    names = tuple(listed.schema.get("properties") or ())
    signature = RemoteSignature(listed.description, listed.schema, _ANY, _CONTEXT, names, servers)
    timeout = servers.server(listed.server).timeout
    return Tool(name, listed.description, use, signature, listed.safe_to_repeat, None, timeout)
