"""A small HTTP client: JSON calls, and server-sent events that go on after a broken connection."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from mimetypes import guess_type
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import orjson

from fairlead.errors import FairleadError, InvalidInput

_TIMEOUT = 60.0  # seconds: longer than any answer but a stream
_SILENCE = 45.0  # seconds without a byte, heartbeats included, after which a stream is taken for dead
_TRIES = 5


class Unreachable(FairleadError):
    """Nobody answers there, or what answers is not Fairlead."""

    code = "unreachable"


class Refused(FairleadError):
    """What the server said no with, in its words and with its code."""

    def __init__(self, code: str, message: str, *, hint: str, status: int) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event. `id` is empty for what is not stored."""

    name: str
    data: Any
    id: str


class Client:
    """Talks to a Fairlead at a URL, or behind a Unix socket (`unix`)."""

    def __init__(self, url: str, *, key: str = "", unix: str = "") -> None:
        self.url = url.rstrip("/")
        self.unix = unix
        self._headers = {"accept": "application/json"} | ({"x-api-key": key} if key else {})

    def get(self, path: str, **query: Any) -> Any:
        return self._call("GET", asking(path, query))

    def post(self, path: str, body: Mapping[str, Any] | None = None, **headers: str) -> Any:
        return self._call("POST", path, orjson.dumps(body or {}), headers)

    def upload(self, path: Path) -> Any:
        """A file, as it is. Raises `InvalidInput` when it can't be read."""
        try:
            data = path.expanduser().read_bytes()
        except OSError as error:
            raise InvalidInput(f"{path} can't be read: {error.strerror}.") from error
        kind = guess_type(path.name)[0] or "application/octet-stream"
        return self._call("POST", asking("/files", {"name": path.name}), data, {"content-type": kind})

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._call("PATCH", path, orjson.dumps(body))

    def delete(self, path: str, **query: Any) -> Any:
        return self._call("DELETE", asking(path, query))

    def lines(self, path: str) -> Iterator[Any]:
        """An answer of many lines of JSON, as they come. Raises `Unreachable` when it breaks off."""
        try:
            with self._open("GET", path, None, {"accept": "application/x-ndjson"}, timeout=_TIMEOUT) as answer:
                if answer.status >= 400:
                    raise _refusal(answer, answer.read())
                yield from map(self._read, answer)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def events(self, path: str, *, after: str = "") -> Iterator[Event]:
        """Every event until the server ends the stream; after a broken connection it goes on behind the last one."""
        failures = 0
        while True:
            try:
                for event in self._stream(path, after):
                    failures = 0
                    after = event.id or after
                    yield event
            except (OSError, http.client.HTTPException, Unreachable) as error:
                failures += 1
                if failures >= _TRIES:
                    raise self._unreachable(error) from error
                continue
            return

    @contextmanager
    def posting(
        self, path: str, body: bytes, headers: Mapping[str, str], *, begun: Callable[[Callable[[], None]], None]
    ) -> Generator[http.client.HTTPResponse]:
        """The answer as it comes, whatever its status. `begun` is given what hangs up, from any thread: then the answer
        ends there. Raises `Unreachable`."""
        try:
            with closing(self._connection(_SILENCE)) as connection:
                connection.request("POST", path, body, {**self._headers, "content-type": "application/json", **headers})
                line = connection.sock
                begun(lambda: _hang_up(line))
                yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def alive(self) -> bool:
        """Whether a Fairlead answers at once."""
        try:
            with self._open("GET", "/health/live", None, {}, timeout=1.0) as answer:
                return answer.status == 200 and b"status" in answer.read()
        except (OSError, http.client.HTTPException):
            return False

    def _call(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        try:
            with self._open(method, path, body, headers or {}, timeout=_TIMEOUT) as answer:
                data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        if answer.status >= 400:
            raise _refusal(answer, data)
        return self._read(data) if data else None

    def _stream(self, path: str, after: str) -> Iterator[Event]:
        headers = {"accept": "text/event-stream"} | ({"last-event-id": after} if after else {})
        with self._open("GET", path, None, headers, timeout=_SILENCE) as answer:
            if answer.status >= 400:
                raise _refusal(answer, answer.read())
            yield from events_of(answer)

    @contextmanager
    def _open(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], *, timeout: float
    ) -> Generator[http.client.HTTPResponse]:
        with closing(self._connection(timeout)) as connection:
            kind = {"content-type": "application/json"} if body is not None else {}
            sent = {**self._headers, **kind, **headers}
            connection.request(method, path, body, sent)
            yield connection.getresponse()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self.unix:
            return _UnixConnection(self.unix, timeout)
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "127.0.0.1", parts.port, timeout=timeout)

    def _read(self, data: bytes) -> Any:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        if isinstance(error, Unreachable):
            return error
        return Unreachable(
            f"No Fairlead answers at {self.url}: {error}.", hint="Start one with `fairlead dev`, or set FAIRLEAD_URL."
        )


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself
        line.shutdown(socket.SHUT_RDWR)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def asking(path: str, query: Mapping[str, Any]) -> str:
    """The path with what of the query is given."""
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def part(text: str) -> str:
    """A piece of a path, such as an id that a person typed."""
    return quote(text, safe="")


def events_of(lines: http.client.HTTPResponse) -> Iterator[Event]:
    name, identity, data = "message", "", list[str]()
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if data:
                yield Event(name, orjson.loads("\n".join(data)), identity)
            name, identity, data = "message", "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                name = value
            case "id":
                identity = value
            case "data":
                data.append(value)
            case _:  # a comment: the heartbeat
                pass


def _refusal(answer: http.client.HTTPResponse, data: bytes) -> FairleadError:
    try:
        said: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict) or "code" not in said:
        return Unreachable(f"The server answered {answer.status} without a reason we know.", hint="Is it a Fairlead?")
    problem = cast("dict[str, Any]", said)
    hint = str(problem.get("hint") or "")
    detail = str(problem.get("detail", "")).removesuffix(hint).strip()
    if wait := answer.headers.get("retry-after"):
        hint = f"{hint} Come back in {wait} s.".strip()
    return Refused(str(problem["code"]), detail, hint=hint, status=answer.status)
