"""What is said is noted where it is said, and told a moment later, many at a time: within a model call nothing of what
a listener needs is in the processor's caches, and each that is asked there costs ten times what it costs in a row.

    event ──► note (when, in which task) ──► log's thread, or whoever needs to know now: log · metrics · spans · Sentry

Who must act at once (open a span, report an error) is an ordinary listener, and hears it before it is noted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextvars import Context, copy_context
from threading import RLock
from typing import Any, Protocol

from fairlead.clock import Clock
from fairlead.telemetry.line import FIXED

Fields = Mapping[str, Any]
Note = tuple[str, dict[str, Any], Fields, int, Context, int]
"""Event, fields, the same in which nothing can change any more, microseconds since 1970, context and id of the task."""
Later = Callable[[Note], None]
Failed = Callable[[Any, str, Exception], None]

_NO_TASK = Context()
_MANY, _MOST = 500, 5000  # that wait: from then on whoever speaks tells them, if nobody does; from then on in any case


class Teller(Protocol):
    """Whose thread tells what waits, soon: a `Sink`."""

    def ask(self, do: Callable[[], None], /) -> None: ...

    def hurry(self) -> None:
        """Do what was asked for now."""
        ...


class Notes:
    """A listener for `Emitter.subscribe(notes, events=notes.events)`. What is noted does not grow: whoever speaks tells
    what waits, where the teller does not come to it."""

    def __init__(
        self, teller: Teller, *, clock: Clock, settled: Callable[[Fields], Fields], failed: Failed,
        urgent: Iterable[str] = (),
    ) -> None:  # fmt: skip
        self._teller = teller
        self._micros = clock.micros
        self._settled = settled
        self._failed = failed
        self._urgent = frozenset(urgent)
        self._waiting: deque[Note] = deque()
        self._asked = False
        self._telling = RLock()
        self._with_task: set[str] = set()
        self._routes: dict[str, tuple[Later, ...]] = {}

    def tell(self, later: Later, *, events: Iterable[str], with_task: bool = True) -> None:
        """From now on `later` is told of these. Without the task, whose they were is not to be relied upon, nor that
        nothing in them has changed: it is what the most frequent are told for their figures only."""
        for event in events:
            self._routes[event] = (*self._routes.get(event, ()), later)
            if with_task:
                self._with_task.add(event)

    @property
    def events(self) -> tuple[str, ...]:
        return tuple(self._routes)

    def __call__(self, event: str, fields: dict[str, Any], /) -> None:
        if event in self._with_task:
            fixed = FIXED.issuperset(map(type, fields.values()))
            self._waiting.append(
                note(event, fields, fields if fixed else self._as_it_is(event, fields), self._micros())
            )
        else:
            self._waiting.append((event, fields, fields, self._micros(), _NO_TASK, 0))
        if not self._asked:
            self._asked = True
            self._teller.ask(self._told)
        if event in self._urgent:
            self._teller.hurry()
        if len(self._waiting) >= _MANY:
            self.catch_up(wait=len(self._waiting) >= _MOST)

    def _as_it_is(self, event: str, fields: Fields) -> Fields:
        try:
            return self._settled(fields)
        except Exception as error:  # noqa: BLE001 - whoever can't do without will fail, too
            self._failed(self._settled, event, error)
            return fields

    def _told(self) -> None:
        self._asked = False  # first: what is noted meanwhile is asked for again
        self.catch_up()

    def catch_up(self, *, wait: bool = True) -> None:
        """All that was noted is told when this returns; without `wait`, perhaps by another who is at it."""
        if not self._telling.acquire(blocking=wait):
            return
        try:
            while self._waiting:
                one = self._waiting.popleft()
                for later in self._routes[one[0]]:
                    try:
                        later(one)
                    except Exception as error:  # noqa: BLE001 - as with every listener: reported, the others are told
                        self._failed(later, one[0], error)
        finally:
            self._telling.release()


def note(event: str, fields: dict[str, Any], settled: Fields, at: int) -> Note:
    try:
        task = id(asyncio.current_task())
    except RuntimeError:  # on no loop
        task = 0
    return (event, fields, settled, at, copy_context(), task)
