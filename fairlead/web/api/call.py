"""One request, as a handler sees it: who calls, with which path, query and body; everything checked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope

from fairlead.access import LOCAL_ADMIN, Principal, Room
from fairlead.errors import InvalidInput, NotJson, TooLarge, WrongMediaType
from fairlead.gateway.wire.repeated_key import ensure_keys_once
from fairlead.telemetry.redact import Redactor

M = TypeVar("M", bound=BaseModel)
_MOST_TOLD = 3  # faults of one body
_LONGEST_QUERY = 8000


class Headers(Mapping[str, str]):
    """Those of a request, by their names in small letters. Few are ever asked for: they are decoded then, and those
    that every request is asked for are looked for in `raw`. Of one that was sent twice, the last."""

    __slots__ = ("raw",)

    def __init__(self, raw: Sequence[tuple[bytes, bytes]]) -> None:
        self.raw = dict(raw)

    def __getitem__(self, name: str) -> str:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: str, default: Any = None) -> Any:
        value = self.raw.get(name.encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return iter([name.decode("latin-1") for name in self.raw])

    def __len__(self) -> int:
        return len(self.raw)


class Visit:
    """A request from its arrival to its answer: what `front` knows and routes add. Kept in the scope."""

    __slots__ = ("caller", "endpoint", "headers", "redactor", "request_id", "room", "signed_in")

    def __init__(self, request_id: str, headers: Headers, redactor: Redactor) -> None:
        self.request_id = request_id
        self.redactor = redactor  # of what is told of a request that failed
        self.headers = headers
        self.caller: Principal = LOCAL_ADMIN
        self.endpoint = "unmatched"
        self.room: Room | None = None  # that is left to the caller, where it was counted
        self.signed_in = False  # by a session of the console


def visit_of(scope: Scope) -> Visit:
    return scope["state"]["visit"]


class Call:
    __slots__ = ("_depth", "_limit", "_receive", "_scope", "noted", "path", "visit")

    def __init__(self, scope: Scope, receive: Receive, *, limit: int, depth: int) -> None:
        self._depth = depth
        self._scope = scope
        self._receive = receive
        self._limit = limit
        self.visit = visit_of(scope)
        self.noted: dict[str, Any] = {}  # for the audit log: `subject`, and details
        self.path: dict[str, str] = scope["path_params"]
        for name, value in self.path.items():
            _check_text(value, f"The {name.replace('_', ' ')} of the address")

    @property
    def tenant(self) -> str:
        return self.visit.caller.tenant

    @property
    def origin(self) -> str:
        """How the caller reached us: scheme and host."""
        return f"{self._scope.get('scheme', 'http')}://{self.visit.headers.get('host', 'localhost')}"

    @property
    def by(self) -> str:
        return self.visit.caller.name

    def header(self, name: str) -> str | None:
        return self.visit.headers.get(name)

    def query(self, model: type[M]) -> M:
        """Raises `InvalidInput`, saying what is wrong with which field."""
        raw: bytes = self._scope["query_string"]
        if len(raw) > _LONGEST_QUERY:
            raise InvalidInput(f"The query is longer than {_LONGEST_QUERY} bytes.")
        given: dict[str, Any] = {}
        for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
            _check_text(value, f"`{name}`")
            if name in given:
                given[name] = [*(given[name] if isinstance(given[name], list) else [given[name]]), value]
            else:
                given[name] = value
        return _validated(model, given)

    async def body(self, model: type[M], *, optional: bool = False) -> M:
        """Raises `TooLarge`, `WrongMediaType`, `NotJson`, `InvalidInput`."""
        value = await self.json(optional=optional)
        return _validated(model, {} if value is None and optional else value)

    async def list_of(self, model: type[M], *, most: int) -> list[M]:
        """Raises as `body`, saying which of them is wrong."""
        given = await self.json()
        if not isinstance(given, list) or not 1 <= len(cast("list[Any]", given)) <= most:
            raise InvalidInput(f"The body must be a JSON list of 1 to {most}.")
        return [_validated(model, one, f"[{place}]") for place, one in enumerate(cast("list[Any]", given))]

    async def json(self, *, optional: bool = False) -> Any:
        """Whatever JSON the body is. Raises `TooLarge`, `WrongMediaType`, `NotJson`."""
        data = await self._read()
        if not data and optional:
            return None
        kind = self.visit.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise WrongMediaType("The body must be JSON.", hint="Send it with Content-Type: application/json.")
        try:
            return parse_json(data, depth=self._depth)
        except orjson.JSONDecodeError as error:
            raise NotJson(
                f"The body is not JSON: {error}.", hint="NaN, Infinity and lone surrogates are no JSON."
            ) from error

    async def _read(self) -> bytes:
        """The whole body, never more of it than the limit."""
        parts = [part async for part in self.pieces()]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes, never more of it than the limit. Raises `TooLarge`, `InvalidInput`."""
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise InvalidInput("The caller went away in the middle of the body.")
            part = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                raise too_large(self._limit)
            more = bool(message.get("more_body"))
            yield part


def parse_json(data: bytes, *, depth: int) -> Any:
    """Raises `orjson.JSONDecodeError`, and `InvalidInput` for a key that an object has twice, and for what is nested
    deeper: what walks through it later, and whoever gets it from us, may do so by recursion."""
    value = orjson.loads(data)
    # Few bodies have so many brackets at all, and to count them costs nothing.
    if data.count(b"[") + data.count(b"{") > depth and _is_deeper(value, depth):
        raise InvalidInput(f"The body is nested deeper than {depth} levels.", hint="Flatten it, or raise JSON_DEPTH.")
    ensure_keys_once(data, value)
    return value


def _is_deeper(value: Any, depth: int) -> bool:
    level: list[Any] = [value]
    for _ in range(depth):
        level = [
            inner
            for one in level
            for inner in (cast("dict[str, Any]", one).values() if isinstance(one, dict) else cast("list[Any]", one))
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes.", hint="Send less, or raise BODY_LIMIT.")


def _validated(model: type[M], value: Any, where: str = "") -> M:
    if not isinstance(value, dict):
        raise InvalidInput(f"{where or 'The body'} must be a JSON object.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidInput(f"{where}: {told_of(error)}" if where else told_of(error)) from None


def told_of(error: ValidationError) -> str:
    """What is wrong, without the values: they may be secrets, or no text."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = "; ".join(_fault(cast("dict[str, Any]", fault)) for fault in faults[:_MOST_TOLD])
    return f"{told}{f' (and {len(faults) - _MOST_TOLD} more)' if len(faults) > _MOST_TOLD else ''}."


def _fault(fault: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    message = str(fault["msg"]).removeprefix("Value error, ").rstrip(".")
    if fault["type"] == "extra_forbidden":
        return f"`{where}` is not known here"
    return f"`{where}`: {message}" if where else message


def _check_text(value: str, what: str) -> None:
    if "\0" in value:
        raise InvalidInput(f"{what} holds a NUL character.")
    if len(value) > _LONGEST_QUERY:
        raise InvalidInput(f"{what} is too long.")
