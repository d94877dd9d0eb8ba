"""Tells lists which runs changed: only while somebody watches one, and never more than a list can show.

A status is told soon after it has changed. What a run under way has done so far is written down now and then; who also
watches figures is told of that at once, and has it written more often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson

from fairlead.clock import Clock
from fairlead.database import Signals

EVERY_RUN = "*"  # what a watcher of all runs says on the topic `watch`
EVERY_FIGURE = "+"  # and who wants to see what runs under way have done, too
TOPIC = "runs"
FIGURES = "figures"
_BATCH_S = 0.25
MOST = 100  # ids in one message; a list that misses one sees it when it looks again
_WATCH_FOR = 15.0  # seconds that a watcher's word is good for


class Announcer:
    def __init__(self, signals: Signals, *, clock: Clock) -> None:
        self._signals = signals
        self._clock = clock
        self._until = 0.0
        self._figures_until = 0.0
        self._changed: dict[str, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        signals.subscribe("watch", self._heard)

    def changed(self, run_id: str) -> None:
        """The run has a new status, or is new. Costs nothing when nobody watches."""
        if not self._until or self._clock.monotonic() > self._until or len(self._changed) >= MOST:
            return
        self._changed[run_id] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_BATCH_S, self._flush)

    @property
    def shows_figures(self) -> bool:
        """Whether somebody watches what runs under way have done."""
        return self._figures_until > self._clock.monotonic()

    def shown(self, run_ids: Sequence[str]) -> None:
        """What these have done so far can be read anew."""
        if run_ids and self.shows_figures:
            self._signals.publish(FIGURES, orjson.dumps(run_ids[:MOST]).decode())

    def _flush(self) -> None:
        self._timer = None
        changed, self._changed = list(self._changed), {}
        self._signals.publish(TOPIC, orjson.dumps(changed).decode())

    def _heard(self, watched: str) -> None:
        if watched == EVERY_RUN:
            self._until = self._clock.monotonic() + _WATCH_FOR
        elif watched == EVERY_FIGURE:
            self._figures_until = self._clock.monotonic() + _WATCH_FOR
