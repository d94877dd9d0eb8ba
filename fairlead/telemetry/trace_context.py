"""What is being worked for: the request that came in, and the span of its trace that is under way. Pure but for the
context variable that carries it through awaits, tasks and threads.

    request ──► its span ──stored with the run──► run ──► attempt ──► tool ──stored with the child──► child run

Ids of a run's spans follow from the run's id (RFC 9562: 122 bits of a UUIDv7 are random or time), so that whoever goes
on with a run, on any machine, joins its trace without having been told. A caller who sends a W3C `traceparent`
(https://www.w3.org/TR/trace-context/) has the run in their own trace.
"""

from __future__ import annotations

import re
from contextvars import Context, ContextVar
from hashlib import blake2b
from random import getrandbits
from typing import Any, NamedTuple
from uuid import UUID

# Version 00, and later ones as the standard wants them read; ff is forbidden, and so are ids of nothing but zeros.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST = 512
_SAMPLED = 1


class TraceContext(NamedTuple):
    """A span under way. `sampled` is None where nobody has decided: who sends traces does, by the trace's id."""

    trace_id: int
    span_id: int
    parent_id: int | None = None
    sampled: bool | None = None
    request_id: str | None = None

    @property
    def trace_hex(self) -> str:
        return self.trace_id.to_bytes(16).hex()

    def beneath(self, span_id: int) -> TraceContext:
        """A span within this one."""
        return TraceContext(self.trace_id, span_id, self.span_id, self.sampled, self.request_id)

    def stored(self) -> dict[str, Any]:
        """As it is kept with a run that is started here."""
        return {"trace": self.trace_hex, "span": f"{self.span_id:016x}", "sampled": self.sampled,
                "request": self.request_id}  # fmt: skip


_CURRENT: ContextVar[TraceContext | None] = ContextVar("fairlead_trace", default=None)


def current() -> TraceContext | None:
    return _CURRENT.get()


def current_in(context: Context) -> TraceContext | None:
    return context.get(_CURRENT)


def enter(context: TraceContext | None) -> None:
    """From here on, this task and its children work for it."""
    _CURRENT.set(context)


def of_request(request_id: str, traceparent: str = "") -> TraceContext:
    """The span of a request: in its caller's trace, where the caller sent one that can be read; else in a new one."""
    span_id = getrandbits(64) or 1  # to ask the system for it lets other threads in
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent and len(traceparent) <= _LONGEST else None
    if found is None or (found[1] == "00" and found[5]):
        return TraceContext(getrandbits(128) or 1, span_id, request_id=request_id)
    sampled = bool(int(found[4], 16) & _SAMPLED)
    return TraceContext(int(found[2], 16), span_id, int(found[3], 16), sampled, request_id)


def of_stored(stored: dict[str, Any] | None) -> TraceContext | None:
    """What `stored` gave."""
    if not stored:
        return None
    return TraceContext(
        int(stored["trace"], 16), int(stored["span"], 16), sampled=stored["sampled"], request_id=stored["request"]
    )


def of_run(run_id: str, root_id: str, started_by: TraceContext | None) -> TraceContext:
    """The span of a run, beneath what started it. Who started it without a trace (a schedule) gets the trace that the
    root run's id stands for."""
    if started_by is not None:
        return started_by.beneath(span_id_of(run_id))
    return TraceContext(trace_id_of(root_id), span_id_of(run_id), None if root_id == run_id else span_id_of(root_id))


def trace_id_of(root_id: str) -> int:
    """A run's own id, so that it can be looked for; of one that its caller named, what follows from the name."""
    try:
        return UUID(root_id).int or 1
    except ValueError:
        return int.from_bytes(blake2b(root_id.encode("utf-8", "replace"), digest_size=16).digest()) or 1


def span_id_of(run_id: str, *parts: object) -> int:
    what = "\x1f".join((run_id, *map(str, parts)))
    return int.from_bytes(blake2b(what.encode("utf-8", "replace"), digest_size=8).digest()) or 1


def is_sampled(context: TraceContext, ratio: float) -> bool:
    """Parent-based; a root by the last 56 bits of its trace's id, which are random (W3C Trace Context level 2): every
    process comes to the same answer."""
    if context.sampled is not None:
        return context.sampled
    return context.trace_id & (1 << 56) - 1 < ratio * (1 << 56)
