"""`fairlead mcp`: what a desktop program or an editor starts to have our agents as tools."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Any, BinaryIO, cast

import orjson
import typer

from fairlead.cli.client import Client, events_of
from fairlead.cli.reach import reach
from fairlead.errors import FairleadError

app = typer.Typer(add_completion=False)
_AT_ONCE = 32
_CANCELLED = "notifications/cancelled"
_INTERNAL, _PARSE_ERROR = -32603, -32700
_TRIES, _PATIENCE = 20, 0.25  # seconds: to end what is under way
_ACCEPT = {"accept": "application/json, text/event-stream"}


@app.command()
def mcp() -> None:
    """Offer the agents of this project as tools to a program on this machine: an MCP server over stdio.

    The calls go to the server of this project if one runs (FAIRLEAD_URL names another, FAIRLEAD_API_KEY the key), else
    to an engine that lasts as long as this. What is written to standard output is the protocol and nothing else.
    """
    with reach(with_worker=True) as reached:
        Bridge(reached.client, sys.stdout.buffer).carry(sys.stdin.buffer)


class Bridge:
    """Carries messages of JSON-RPC, one a line, to the MCP server behind HTTP, and what it answers back."""

    def __init__(self, client: Client, out: BinaryIO) -> None:
        self._client = client
        self._out = out
        self._turn = Lock()
        self._calls: set[Future[None]] = set()
        self._left: set[Any] = set()  # requests that were cancelled
        self._session: dict[str, str] = {}  # headers that the greeting gave
        self._open: dict[str | int, Callable[[], None]] = {}  # what hangs up, by the request's id

    def carry(self, lines: Iterable[bytes]) -> None:
        """Until the program that started us closes its end. What is under way then is cancelled."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mcp") as pool:
            for line in lines:
                if line.strip():
                    self._take(line, pool)
            self._end()

    def _end(self) -> None:
        """A call that has only just come may have no run yet that a cancellation would find: it is told again."""
        for _ in range(_TRIES):
            if not wait(tuple(self._calls), timeout=_PATIENCE).not_done:
                return
            for number in tuple(self._open):
                told = {"jsonrpc": "2.0", "method": _CANCELLED, "params": {"requestId": number}}
                self._pass(orjson.dumps(told), told)
        for number in tuple(self._open):
            self._hang_up(number)

    def _take(self, line: bytes, pool: ThreadPoolExecutor) -> None:
        try:
            message: Any = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            self._refuse(None, _PARSE_ERROR, f"A line is no JSON: {error}.")
            return
        named = cast("dict[str, Any]", message) if isinstance(message, dict) else {}
        if named.get("method") == "initialize":  # what follows needs what it answers
            self._pass(line, named)
        else:
            call = pool.submit(self._pass, line, named)
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    def _pass(self, line: bytes, message: dict[str, Any]) -> None:
        number = message.get("id")
        try:
            self._ask(line, message)
        except FairleadError as error:
            if number is not None and number not in self._left:
                self._refuse(number, _INTERNAL, f"{error.message} {error.hint}".strip())
        finally:
            self._open.pop(cast("str | int", number), None)
            self._left.discard(number)
        if message.get("method") == _CANCELLED and not self._session:  # else the server does
            params = cast("dict[str, Any]", message.get("params") or {})
            self._hang_up(params.get("requestId"))

    def _ask(self, line: bytes, message: dict[str, Any]) -> None:
        number = message.get("id")

        def begun(hang_up: Callable[[], None]) -> None:
            if number is not None:
                self._open[number] = hang_up

        with self._client.posting("/mcp", line, {**_ACCEPT, **self._session}, begun=begun) as answer:
            if (session := answer.headers.get("mcp-session-id")) is not None:
                self._session = {"mcp-session-id": session}
            if "text/event-stream" in answer.headers.get("content-type", ""):
                for event in events_of(answer):
                    self._write(orjson.dumps(event.data))
                return
            said = answer.read()
        if answer.status < 400 or b'"jsonrpc"' in said:
            self._write(said)
        elif number is not None:
            self._refuse(number, _INTERNAL, _reason_of(said, answer.status))

    def _hang_up(self, number: Any) -> None:
        """Where there are no sessions, who goes away has cancelled. Of what is cancelled nothing more is said."""
        if (hang_up := self._open.get(number)) is not None:
            self._left.add(number)
            hang_up()

    def _refuse(self, number: Any, code: int, message: str) -> None:
        self._write(orjson.dumps({"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}))

    def _write(self, said: bytes) -> None:
        if said:
            with self._turn:
                self._out.write(said.rstrip(b"\n") + b"\n")
                self._out.flush()


def _reason_of(said: bytes, status: int) -> str:
    try:
        problem: Any = orjson.loads(said)
        return f"{problem['detail']} {problem.get('hint', '')}".strip()
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"The server answered {status}."
