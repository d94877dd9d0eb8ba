"""Pieces of text on their way to whoever watches: not stored, sent in batches, told again to those who come late.

A message names the step, where its text begins in the whole, and the text: a watcher who has it already ignores it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson

_BATCH_S = 0.1
_LONGEST = 1000  # characters in one message: NOTIFY takes 8000 bytes, and a character may need 7 of them


class Deltas:
    """The open model calls of one held run."""

    def __init__(self, publish: Callable[[str], None], *, watched: Callable[[], bool], attempt: int) -> None:
        self._publish = publish
        self._watched = watched
        self._attempt = attempt
        self._texts: dict[str, str] = {}
        self._sent: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, key: str, text: str) -> None:
        self._texts[key] = self._texts.get(key, "") + text
        if self._timer is None and self._watched():
            self._timer = asyncio.get_running_loop().call_later(_BATCH_S, self._flush)

    def drop(self, key: str) -> None:
        """The call has ended: its answer is in the journal."""
        self._texts.pop(key, None)
        self._sent.pop(key, None)

    def snapshot(self) -> None:
        """Somebody has come: say everything again."""
        self._sent.clear()
        self._flush()

    def _flush(self) -> None:
        self._timer = None
        for key, text in self._texts.items():
            for start in range(self._sent.get(key, 0), len(text), _LONGEST):
                piece = text[start : start + _LONGEST]
                said = {"step": key, "attempt": self._attempt, "offset": start, "text": piece}
                self._publish(orjson.dumps(said).decode())
            self._sent[key] = len(text)
