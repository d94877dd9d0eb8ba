"""Agents as tools of an MCP server: each agent is a tool, and a call of it is a run that is waited for.

    POST /mcp    initialize | server/discover · ping · tools/list · tools/call · notifications/cancelled

Nothing is kept between requests, so that any process may answer any of them: a session id is only made so that a
cancellation finds its run. Since the revision of 2026-07-28 there are no sessions; a client that goes away has
cancelled. The SDK is not needed here: what a server of tools has to say is small, and our own routes guard it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
from pydantic import Field

from fairlead.access import Role, require
from fairlead.agents.spec import AgentSpec
from fairlead.errors import FairleadError, Forbidden
from fairlead.runs.run import Event, Reason, Run, Status
from fairlead.web.api import rpc
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.offered import RunFrames, start
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.rpc import INVALID_PARAMS, METHOD_NOT_FOUND, Params, RpcError, RpcRequest
from fairlead.web.api.sse import EventStream
from fairlead.web.api.values import error_of

_HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")  # the newest first
_MODERN = "2026-07-28"
_VERSION = "io.modelcontextprotocol/protocolVersion"
_SERVER = "io.modelcontextprotocol/serverInfo"
_KEY = "fairlead/idempotency-key"
_RUN = "fairlead/run-id"
_UNSUPPORTED_VERSION = -32022
_HEADER_MISMATCH = -32020
_ANSWERS = {202: None, 400: rpc.RpcAnswer}
_CHAT: dict[str, Any] = {
    "type": "object",
    "properties": {"message": {"type": "string", "description": "What to say to the agent."}},
    "required": ["message"],
    "additionalProperties": False,
}


class CallTool(Params):
    name: str
    arguments: dict[str, Any] | None = None
    meta: dict[str, Any] = Field(default_factory=dict[str, Any], alias="_meta")


class Cancelled(Params):
    request_id: str | int = Field(alias="requestId")


class Mcp:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [
            Operation("POST", "/mcp", self.answer, "Agents as tools of an MCP server (streamable HTTP)",
                      body=rpc.RpcBody, gives=rpc.RpcAnswer, tag="protocols", answers=_ANSWERS),
            Operation("POST", "/mcp/", self.answer, "The same, as some clients write it", body=rpc.RpcBody,
                      gives=rpc.RpcAnswer, tag="protocols", answers=_ANSWERS),
        ]  # fmt: skip

    async def answer(self, call: Call) -> Reply:
        """One JSON-RPC request. `tools/call` needs an operator's key; the answer is a stream of server-sent events
        where the client takes one, with progress when it gave a `progressToken`."""
        _refuse_other_origins(call)
        sent = await call.json()
        try:
            request = rpc.read_request(sent)
            if request.notification:
                await self._hear(call, request)
                return JsonReply(b"", status=202)
            return await self._route(call, request)
        except FairleadError as error:
            if isinstance(error, Forbidden):
                raise  # the HTTP status says it, as with any other route
            return json_reply(rpc.failure(rpc.id_of(sent), rpc.rpc_error(error)))
        except RpcError as error:
            return rpc.refusal(rpc.id_of(sent), error)

    async def _route(self, call: Call, request: RpcRequest) -> Reply:
        modern = _modern(call, request)
        match request.method:
            case "initialize" if not modern:
                session = ((b"mcp-session-id", uuid4().hex.encode()),)
                return json_reply(rpc.result(request.id, self._greeting(request)), headers=session)
            case "server/discover":
                told: dict[str, Any] = {"supportedVersions": [_MODERN, *_HANDSHAKE], **self._about()}
            case "ping" if not modern:
                told = {}
            case "tools/list":
                told = {"tools": [_tool(name, spec) for name, spec in sorted(self._doors.agents.items())]}
            case "tools/call":
                return await self._call(call, request, modern=modern)
            case method:
                raise RpcError(METHOD_NOT_FOUND, f"There is no method {method[:100]} here.")
        cacheable = {"ttlMs": 0, "cacheScope": "private"}
        return json_reply(rpc.result(request.id, self._stamped({**told, **cacheable}) if modern else told))

    async def _call(self, call: Call, request: RpcRequest, *, modern: bool) -> Reply:
        require(call.visit.caller, Role.OPERATOR)
        asked = request.read(CallTool)
        if modern and (named := call.header("mcp-name")) is not None and named != asked.name:
            raise RpcError(_HEADER_MISMATCH, "Mcp-Name is not the name in the body.")
        spec = self._doors.agents.get(asked.name)
        if spec is None:
            raise RpcError(INVALID_PARAMS, f"There is no tool {asked.name[:100]!r}.")
        key = asked.meta.get(_KEY)
        if key is not None and not (isinstance(key, str) and 0 < len(key) <= 200):
            raise RpcError(INVALID_PARAMS, f"`_meta.{_KEY}` must be a text of at most 200 characters.")
        run, _ = await start(
            self._doors, call, asked.name, _input(spec, asked.arguments or {}), metadata=self._metadata(call, request),
            key=None if key is None else f"mcp:{key}",
        )  # fmt: skip

        async def left() -> None:
            await self._doors.control.cancel(run.id, tenant=run.tenant, by=f"{call.by} went away")

        telling = _Telling(self._doors, request, asked.meta.get("progressToken"), self if modern else None)
        if "text/event-stream" in (call.header("accept") or ""):
            return EventStream(RunFrames(self._doors, run, telling), self._doors, left=left if modern else None)
        await self._doors.feed.ended(run.id, tenant=run.tenant)
        (answer,) = await telling.ended(await self._doors.control.get(run.id, tenant=run.tenant))
        return json_reply(answer)

    async def _hear(self, call: Call, request: RpcRequest) -> None:
        """A cancellation that finds no run, or one that has ended, changes nothing: it may have crossed the answer."""
        session = call.header("mcp-session-id")
        if request.method != "notifications/cancelled" or not session:
            return
        require(call.visit.caller, Role.OPERATOR)
        wanted = {"mcp_session": session, "mcp_request": str(request.read(Cancelled).request_id)}
        for run in await self._doors.control.list(tenant=call.tenant, metadata=wanted, limit=10):
            if run.finished_at is None:
                await self._doors.control.cancel(run.id, tenant=call.tenant, by=call.by)

    def _metadata(self, call: Call, request: RpcRequest) -> dict[str, Any]:
        session = call.header("mcp-session-id")
        told = {"protocol": "mcp"}
        if not session:
            return told
        return {**told, "mcp_session": session[:200], "mcp_request": str(request.id)[:200]}

    def _greeting(self, request: RpcRequest) -> dict[str, Any]:
        wanted = request.params.get("protocolVersion")
        version = wanted if wanted in _HANDSHAKE else _HANDSHAKE[0]
        return {"protocolVersion": version, "serverInfo": self._server(), **self._about()}

    def _about(self) -> dict[str, Any]:
        return {
            "capabilities": {"tools": {}},
            "instructions": "Each tool is an agent. A call may take minutes: give a progressToken to hear how it goes.",
        }

    def _server(self) -> dict[str, str]:
        return {"name": "fairlead", "version": self._doors.version}

    def _stamped(self, told: dict[str, Any]) -> dict[str, Any]:
        meta = {**told.get("_meta", {}), _SERVER: self._server()}
        return {**told, "resultType": "complete", "_meta": meta}

    def stamped(self, told: dict[str, Any]) -> dict[str, Any]:
        return self._stamped(told)


class _Telling:
    """A run as progress, and as the result of a tool."""

    def __init__(self, doors: Doors, request: RpcRequest, token: Any, stamp: Mcp | None) -> None:
        self._doors = doors
        self._request = request
        self._token = token if isinstance(token, str | int) and not isinstance(token, bool) else None
        self._stamp = stamp
        self._percent = -1

    def of_event(self, event: Event) -> Sequence[Any]:
        if self._token is None or event.type != "progress":
            return ()
        percent = int(event.data["percent"])
        if percent <= self._percent:  # the protocol wants it to rise
            return ()
        self._percent = percent
        said = {"progressToken": self._token, "progress": percent, "total": 100}
        if text := event.data.get("text"):
            said["message"] = text
        return ({"jsonrpc": "2.0", "method": "notifications/progress", "params": said},)

    async def ended(self, run: Run) -> Sequence[Any]:
        told = await _result(self._doors, run)
        return (rpc.result(self._request.id, self._stamp.stamped(told) if self._stamp is not None else told),)

    def failed(self, error: FairleadError) -> Any:
        return rpc.failure(self._request.id, rpc.rpc_error(error))


async def _result(doors: Doors, run: Run) -> dict[str, Any]:
    meta = {_RUN: run.id}
    if run.status is Status.SUCCESS:
        output: Any = run.output
        text = output if isinstance(output, str) else orjson.dumps(output).decode()
        told = {"content": [{"type": "text", "text": text}], "isError": False, "_meta": meta}
        return {**told, "structuredContent": output} if isinstance(output, dict) else told
    said: dict[str, Any] = {"run_id": run.id, **error_of(run)}
    if run.reason is Reason.APPROVAL:
        asked = await doors.control.approvals(tenant=run.tenant, run_id=run.id)
        said |= {"error": "approval", "approvals": [{"id": one.id, "question": one.question} for one in asked]}
        questions = "; ".join(f"{one.question} (POST /approvals/{one.id})" for one in asked)
        said["message"] = f"The run {run.id} waits for a person to answer: {questions}"
    elif run.status is Status.INTERRUPTED and run.reason is not Reason.CANCELLED:
        said["message"] = f"The run {run.id} stopped and needs a person ({run.reason}): {said['message']}"
    text = f"{said['error']}: {said['message']}"
    return {"content": [{"type": "text", "text": text}], "isError": True, "structuredContent": said, "_meta": meta}


def _tool(name: str, spec: AgentSpec) -> dict[str, Any]:
    return {"name": name, "description": spec.description or f"The agent {name}.", "inputSchema": _schema(spec)}


def _schema(spec: AgentSpec) -> Mapping[str, Any]:
    """Of a tool's arguments, which are an object whatever an agent takes."""
    if spec.native is not None:
        return _CHAT
    if _takes_object(spec):
        return cast("Mapping[str, Any]", spec.input_schema)
    wanted = dict(spec.input_schema or {})
    definitions = {"$defs": wanted.pop("$defs")} if "$defs" in wanted else {}
    return {"type": "object", "properties": {"input": wanted}, "additionalProperties": False, **definitions}


def _takes_object(spec: AgentSpec) -> bool:
    return spec.input_schema is not None and spec.input_schema.get("type") == "object"


def _input(spec: AgentSpec, arguments: dict[str, Any]) -> Any:
    """Raises `RpcError`. What an agent's own schema says of its input, the agent says itself."""
    if _takes_object(spec) and spec.native is None:
        return arguments
    name = "message" if spec.native is not None else "input"
    if strange := [one for one in arguments if one != name]:
        raise RpcError(INVALID_PARAMS, f"There is no argument {strange[0][:100]!r}; there is `{name}`.")
    if spec.native is not None and not isinstance(arguments.get(name), str):
        raise RpcError(INVALID_PARAMS, "`message` must be a text.")
    return arguments.get(name)


def _modern(call: Call, request: RpcRequest) -> bool:
    """Whether the request is of the revision that has no sessions. Raises `RpcError` for a version we don't speak."""
    meta: Any = request.params.get("_meta")
    version = cast("dict[str, Any]", meta).get(_VERSION) if isinstance(meta, dict) else None
    if version is None:
        header = call.header("mcp-protocol-version")
        if header is not None and header not in (_MODERN, *_HANDSHAKE):
            raise _unsupported(header)
        return False
    if version != _MODERN:
        raise _unsupported(version)
    if (method := call.header("mcp-method")) is not None and method != request.method:
        raise RpcError(_HEADER_MISMATCH, "Mcp-Method is not the method in the body.")
    return True


def _unsupported(version: Any) -> RpcError:
    told = {"supported": [_MODERN, *_HANDSHAKE], "requested": str(version)[:50]}
    return RpcError(_UNSUPPORTED_VERSION, "This version of MCP is not spoken here.", told)


def _refuse_other_origins(call: Call) -> None:
    """A page of another site, in the browser of somebody who may reach us. Raises `Forbidden`."""
    origin = call.header("origin")
    if origin is not None and urlsplit(origin).netloc != call.header("host"):
        raise Forbidden("This request came from a page of another site.", hint="Call /mcp from a program.")
