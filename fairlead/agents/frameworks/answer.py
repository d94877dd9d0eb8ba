"""What a client gets in place of its provider's answer: a status, headers, and a body or its pieces.

The same for every HTTP library: `sdk_transport` only translates.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import timedelta
from typing import Any

import orjson

from fairlead.agents.guest import REFUSAL, Guest
from fairlead.errors import ComeBackLater, FairleadError, ModelUnavailable
from fairlead.gateway.addresses import Address
from fairlead.gateway.sink import Sink
from fairlead.gateway.status import STATUSES
from fairlead.gateway.types import FEATURE_HEADERS, Format, ModelReply, ModelRequest
from fairlead.gateway.value import value
from fairlead.gateway.wire import WIRES
from fairlead.gateway.wire.wire import Wire

_UNKNOWN = 500
_ENDS = {Format.CHAT: (b"[DONE]",), Format.MESSAGES: (b"message_stop",),
         Format.RESPONSES: (b"response.completed", b"response.incomplete", b"response.failed")}  # fmt: skip
_HEAD = 64  # bytes of an event in which its type stands


@value
class Question:
    """A request as the client wrote it. `patience`: how long its client waits for bytes."""

    address: Address
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    patience: timedelta | None = None


@value
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes | Pieces


async def ask_model(guest: Guest, question: Question) -> Answer:
    """On the run's loop. Errors of ours are answers with the status and words of the provider's own, and tell the
    client not to try again: the gateway has done that already."""
    wire = WIRES[question.address.format]
    try:
        request, streamed, usage = _read(guest, question, wire)
        if streamed:
            pieces = Pieces(guest, request, wire, with_usage=usage)
            await pieces.begin()
            return Answer(200, {"content-type": "text/event-stream; charset=utf-8"}, pieces)
        reply = await guest.ask(request)
        return Answer(200, {"content-type": "application/json", **_told(reply)}, orjson.dumps(reply.body))
    except FairleadError as error:
        return _refusal(guest, wire, error, error)
    except Exception as error:  # noqa: BLE001 the edge to clients that would take it for a lost connection and retry
        return _refusal(guest, wire, FairleadError(f"{type(error).__name__}: {error}"), error)


def _read(guest: Guest, question: Question, wire: Wire) -> tuple[ModelRequest, bool, bool]:
    """The request, whether it is streamed, and whether the client asked a stream for its usage."""
    body = wire.parse_request(question.body)
    name, streamed = body.pop("model"), bool(body.pop("stream", False))
    timeout = guest.timeout
    if question.patience is not None and not streamed:  # of a stream it bounds each silence: the gateway does as well
        timeout = min(timeout, question.patience)
    sent = question.headers  # mostly none of them, and httpx takes three times as long to `get` one that is not there
    headers = {one: said for one in FEATURE_HEADERS if one in sent and (said := sent[one])}
    request = ModelRequest(
        guest.model(question.address.provider, name), body, timeout, format=wire.FORMAT, headers=headers
    )
    options: Any = body.get("stream_options") or {}
    return request, streamed, wire.FORMAT is not Format.CHAT or bool(options.get("include_usage"))


class Pieces:
    """A streamed answer on its way. The client may stop reading at the last event, or just before: that one is only
    given out when the answer is recorded, so that it is never cut off and paid for again.

    What has come is kept until it is read: a slow reader keeps neither the provider's connection nor a rate limit.
    """

    def __init__(self, guest: Guest, request: ModelRequest, wire: Wire, *, with_usage: bool) -> None:
        self._guest = guest
        self._request = replace(request, sink=Sink(on_data=self._data))
        self._wire = wire
        self._ends = _ENDS[wire.FORMAT]
        self._with_usage = with_usage
        self._ready: asyncio.Queue[bytes | BaseException] = asyncio.Queue()
        self._first = b""
        self._last: list[bytes] = []
        self._told = False
        self._over = False
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Returns with the first piece; raises what the call raised before it."""
        self._task = self._guest.start(self._ask())
        try:
            self._first = await self._take()
        except BaseException:
            self._task.cancel()
            raise

    async def next_piece(self) -> bytes:
        """Empty at the end."""
        if self._first:
            piece, self._first = self._first, b""
            return piece
        return b"" if self._over and self._ready.empty() else await self._take()

    async def close(self) -> None:
        """The client reads no further. An answer that has come whole is still recorded; else the call is cancelled."""
        task = self._task
        if task is None or task.done():
            return
        if self._last:
            await asyncio.wait([task])
        else:
            task.cancel()

    async def _take(self) -> bytes:
        piece = await self._ready.get()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def _ask(self) -> None:
        try:
            reply = await self._guest.ask(self._request)
            if not self._told:  # from the journal or a cache
                self._put(list(self._wire.emit(reply.body)))
            self._put(self._last)
        except FairleadError as error:
            self._put([self._wire.broken_off(error)] if self._told else error)
        except asyncio.CancelledError as error:
            self._put(error)
            raise
        except Exception as error:  # noqa: BLE001 handed to whoever reads
            self._put(error)
        finally:
            self._over = True
            self._ready.put_nowait(b"")

    async def _data(self, events: Sequence[bytes]) -> None:
        at = next((at for at, data in enumerate(events) if self._is_end(data)), None)
        if self._last or at is not None:
            at = 0 if at is None or self._last else at
            self._last.extend(events[at:])
            events = events[:at]
        self._put(events)
        self._told = True

    def _is_end(self, data: bytes) -> bool:
        head = data[:_HEAD]
        return any(end in head for end in self._ends)

    def _put(self, what: Sequence[bytes] | BaseException) -> None:
        if isinstance(what, BaseException):
            self._ready.put_nowait(what)
            return
        event = self._wire.event
        if piece := b"".join([event(data) for data in what if self._with_usage or not _only_usage(data)]):
            self._ready.put_nowait(piece)


def _only_usage(data: bytes) -> bool:
    """A chunk that comes because we ask every stream for its usage: who did not ask may not expect one without a
    choice."""
    if b'"usage"' not in data or data == b"[DONE]":
        return False
    chunk = orjson.loads(data)
    return not chunk.get("choices") and bool(chunk.get("usage"))


def _refusal(guest: Guest, wire: Wire, error: FairleadError, reason: Exception) -> Answer:
    status = STATUSES.get(error.code, _UNKNOWN)
    headers = {"content-type": "application/json", "x-should-retry": "false", REFUSAL: guest.refused(reason)}
    wait = error.retry_after if isinstance(error, ModelUnavailable | ComeBackLater) else None
    if wait is not None:
        headers["retry-after"] = str(max(1, math.ceil(wait.total_seconds())))
    return Answer(status, headers, wire.problem(status, error))


def _told(reply: ModelReply) -> dict[str, str]:
    return {
        "x-fairlead-model": reply.model.encode("ascii", "replace").decode(),
        "x-fairlead-cost-usd": f"{reply.cost_nano / 1e9:.9f}",
        "x-fairlead-cached": "yes" if reply.cached else "no",
    }
