"""The line of one process to where a rate is shared, and what it does when the line is cut.

One exchange reads what is kept, computes, and puts it back unless another process was quicker. When an answer is lost,
the state itself tells at the next exchange whether our change took effect: each change carries our turn. While nobody
can be asked, the process keeps to its part of the rate, and tells what it used once it can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairlead.clock import Clock
from fairlead.gateway import bucket
from fairlead.gateway.rate import SECOND, Answer, Ask, Pair
from fairlead.gateway.rate_ledger import Ledger, Note, add
from fairlead.gateway.rate_store import RateStore

_LEASE_S = bucket.LEASE / SECOND


@dataclass(frozen=True, slots=True)
class Wish:
    """What a process wants, and how much of what it holds it keeps (None: all)."""

    need: Pair = (0, 0)
    more: Pair = (0, 0)
    ahead: Pair = (0, 0)
    waits_since: float | None = None
    """By our monotonic clock."""
    keep: Pair | None = None
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class _Tried:
    turn: int
    note: Note
    answer: Answer
    asked_at: float


class RateLine:
    def __init__(self, name: str, *, process: str, store: RateStore, ledger: Ledger, clock: Clock) -> None:
        self.alone, self.parts = False, 1
        self.peers = 0
        """Processes that shared the rate when we last heard."""
        self._name = name
        self._process = process
        self._store = store
        self._ledger = ledger
        self._rate = ledger.rate
        self._clock = clock
        self._turn = 0
        self._doubt: _Tried | None = None
        self._text = ""
        self._owed: dict[int, Pair] = {}

    async def exchange(self, wish: Callable[[], Wish]) -> Answer:
        """Tell and ask. Raises DatabaseUnavailable; then all is told again next time."""
        asked_at = self._clock.monotonic()
        kept = await self._store.read(self._name)
        self._settle(kept.text)
        while True:
            tried = self._try(kept.text, wish(), kept.now, asked_at)
            text, self._doubt = tried
            if await self._store.swap(self._name, kept.version, text):
                return self._took_effect(text)
            asked_at = self._clock.monotonic()
            kept = await self._store.read(self._name)
            if (answer := self._settle(kept.text)) is not None:
                return answer

    def leave_alone(self, parts: int) -> None:
        """Nobody can be asked: from now on this process has one of so many parts."""
        self.alone, self.parts = True, parts
        self._text = bucket.part(self._text, parts)
        self._ledger.rate = self._rate.share(parts)
        self._ledger.stand_alone()

    def exchange_alone(self, wish: Wish) -> Answer:
        self._turn += 1
        now = self._clock.monotonic()
        note = self._ledger.tell(keep=wish.keep)
        ask = self._ask(note, wish)
        self._text, answer = bucket.exchange(self._text, ask, self._ledger.rate, self._clock.micros())
        self._ledger.heard(answer, note, asked_at=now, lease_s=_LEASE_S)
        for amounts in (note.used, note.corrected):
            for slot, amount in amounts.items():
                add(self._owed, slot, amount)
        return answer

    def rejoin(self) -> None:
        """The others can be asked again. What was used alone is told at the next exchange."""
        self.alone = False
        self._ledger.rate = self._rate
        self._ledger.stand_alone()
        for slot, amount in self._owed.items():
            add(self._ledger.corrected, slot, amount)
        self._owed = {}

    async def reachable(self) -> None:
        """Raises DatabaseUnavailable as long as nobody can be asked."""
        await self._store.read(self._name)

    def _try(self, text: str, wish: Wish, now: int, asked_at: float) -> tuple[str, _Tried]:
        self._turn += 1
        note = self._ledger.tell(keep=wish.keep)
        after, answer = bucket.exchange(text, self._ask(note, wish), self._ledger.rate, now)
        return after, _Tried(self._turn, note, answer, asked_at)

    def _ask(self, note: Note, wish: Wish) -> Ask:
        since = round((wish.waits_since + self._ledger.offset) * SECOND) if wish.waits_since is not None else 0
        return Ask(
            self._process,
            self._turn,
            held=note.held,
            need=wish.need,
            more=wish.more,
            ahead=wish.ahead,
            since=since,
            used=note.used,
            corrected=note.corrected,
            limited=note.limited,
            left=note.left,
            leaving=wish.leaving,
        )

    def _settle(self, text: str) -> Answer | None:
        """What became of the change that we don't know of: its answer, if it took effect."""
        if self._doubt is None:
            return None
        if bucket.turn_of(text, self._process) == self._doubt.turn:
            return self._took_effect(text)
        doubt, self._doubt = self._doubt, None
        self._ledger.untold(doubt.note)
        return None

    def _took_effect(self, text: str) -> Answer:
        assert self._doubt is not None
        doubt, self._doubt = self._doubt, None
        self._text, self.peers = text, max(doubt.answer.peers, 1)
        if not self.alone:
            self._ledger.heard(doubt.answer, doubt.note, asked_at=doubt.asked_at, lease_s=_LEASE_S)
        return doubt.answer
