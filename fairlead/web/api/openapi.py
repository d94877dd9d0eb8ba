"""The OpenAPI document of operations. FastAPI writes it; nothing else here is FastAPI's, so it is loaded with the first
reader of the document.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Body, Query
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from fairlead.web import gateway_described
from fairlead.web.api.forks import ForkCreate
from fairlead.web.api.operation import Operation
from fairlead.web.api.problems import TITLES
from fairlead.web.api.run_body import RunCreate
from fairlead.web.api.shape import Shape, build_all

_PARAMETER = re.compile(r"\{(\w+)")


class Problem(Shape):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    request_id: str | None = None


def document(operations: Sequence[Operation], *, version: str, about: str) -> dict[str, Any]:
    """Made anew with each call."""
    build_all()
    routes = [_route_of(one) for one in operations]
    made = get_openapi(title="Fairlead", version=version, description=about, routes=routes)
    parts: dict[str, Any] = made.setdefault("components", {})
    schemas: dict[str, Any] = parts.setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    parts["securitySchemes"] = {
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    schemas.update(gateway_described.schemas())
    for one in operations:
        described = made["paths"][one.path][one.method.lower()]
        described["security"] = _SECURITY if one.role is not None else []
        described["x-role"] = one.role.value if one.role is not None else None
        if (one.body and issubclass(one.body, RunCreate | ForkCreate)) or one.path == "/agent/run":
            described.setdefault("parameters", []).append(_IDEMPOTENCY)
    for path, methods in gateway_described.paths().items():
        made["paths"][path] = {method: {**one, "security": _SECURITY} for method, one in methods.items()}
    return made


def _route_of(operation: Operation) -> APIRoute:
    return APIRoute(
        operation.path,
        _documented(operation),
        methods=[operation.method],
        summary=operation.summary,
        name=operation.summary,
        status_code=operation.status,
        tags=[operation.tag] if operation.tag else None,
        response_model=operation.gives,
        responses=_responses(operation),
        operation_id=_operation_id(operation),
    )


def _documented(operation: Operation) -> Callable[..., Any]:
    """A function that is never called: its signature tells FastAPI what to write into the OpenAPI document."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(name, kind, annotation=operation.path_types.get(name, str))
        for name in _PARAMETER.findall(operation.path)
    ]
    if operation.query is not None:
        parameters.append(inspect.Parameter("query", kind, annotation=Annotated[operation.query, Query()]))
    if operation.body is not None:
        default = None if operation.body_optional else inspect.Parameter.empty
        wanted: Any = operation.body | None if operation.body_optional else operation.body
        parameters.append(inspect.Parameter("body", kind, annotation=Annotated[wanted, Body()], default=default))

    async def never_called() -> None: ...

    never_called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    never_called.__doc__ = operation.handler.__doc__
    return never_called


def _responses(operation: Operation) -> dict[int | str, dict[str, Any]]:
    told: dict[int | str, dict[str, Any]] = {}
    if operation.media_type != "application/json":
        schema = _EVENT if operation.media_type == "text/event-stream" else {"type": "string"}
        told[operation.status] = {"content": {operation.media_type: {"schema": schema}}}
    for status, gives in operation.answers.items():
        told[status] = {"description": TITLES.get(status, "Taken"), **({"model": gives} if gives else {})}
    usual = {500, 503, 401, 403} if operation.role is not None else {500, 503}
    if operation.body is not None:
        usual |= {413, 415, 422}
    if operation.query is not None or "{" in operation.path:
        usual |= {422}
    for status in sorted(usual | set(operation.problems)):
        schema = {"$ref": "#/components/schemas/Problem"}
        told[status] = {"description": TITLES[status], "content": {"application/problem+json": {"schema": schema}}}
    return told


_EVENT = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("event", "id", "data")},
    "description": "Each event of the stream. `data` is JSON.",
}


def _operation_id(operation: Operation) -> str:
    words = operation.path.replace("{", "").replace("}", "").replace("/", "_").strip("_") or "root"
    words += "_slash" if operation.path.endswith("/") else ""  # `/mcp/` is another address than `/mcp`
    return re.sub(r"[^a-zA-Z0-9]", "_", f"{operation.method.lower()}_{words}")


_SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"bearer": []}]
_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key never starts a second run.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$",
    },
}
