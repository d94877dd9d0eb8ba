"""A route: its method and address, who may use it, what it takes and gives. The request goes straight to the handler,
which took a third of the CPU time that FastAPI's way of calling takes; `openapi.py` describes it with FastAPI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette import types as asgi

from fairlead.access import Role, Scope, require
from fairlead.errors import FairleadError
from fairlead.web.api.call import Call, visit_of
from fairlead.web.api.doors import Doors
from fairlead.web.api.problems import problem_reply
from fairlead.web.api.reply import Reply
from fairlead.web.routing import Route

Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    handler: Handler
    summary: str
    role: Role | None = Role.VIEWER  # None: open to everyone
    scope: Scope | None = None  # None: what such a role does with runs
    whatever_scope: bool = False  # whoever we know, whatever they are for
    body: type[BaseModel] | None = None
    body_optional: bool = False
    query: type[BaseModel] | None = None
    gives: Any = None
    status: int = 200
    media_type: str = "application/json"
    tag: str = ""
    audit: str = ""  # what the log calls it, where nothing else writes it down
    problems: Sequence[int] = ()
    answers: Mapping[int, Any] = field(default_factory=dict[int, Any])  # other statuses, with what they give
    path_types: Mapping[str, Any] = field(default_factory=dict[str, Any])  # of names in the path; others are texts
    limit: int | None = None  # bytes of its body; None: BODY_LIMIT


def route_of(operation: Operation, doors: Doors) -> Route:
    return Route(operation.method, operation.path, _application(operation, doors))


def _application(operation: Operation, doors: Doors) -> asgi.ASGIApp:
    keys, limit, depth = doors.keys, operation.limit or doors.settings.body_limit, doors.settings.json_depth
    handler, role, purpose, endpoint = operation.handler, operation.role, operation.scope, operation.path

    async def application(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        visit = visit_of(scope)
        visit.endpoint = endpoint
        try:
            if role is not None:
                visit.caller = await keys.identify(visit.headers)
                if not operation.whatever_scope:
                    require(visit.caller, role, purpose)
            call = Call(scope, receive, limit=limit, depth=depth)
            reply = await handler(call)
            if operation.audit:
                await _record(doors, operation.audit, call)
            del call  # a stream lasts, and what was asked need not
        except FairleadError as error:
            reply = problem_reply(error, request_id=visit.request_id, redactor=visit.redactor)
        await reply(scope, receive, send)

    return application


async def _record(doors: Doors, action: str, call: Call) -> None:
    subject = call.noted.pop("subject", "") or "/".join(call.path.values())
    await doors.books.audit.report(action, tenant=call.tenant, by=call.by, subject=subject, detail=call.noted)
