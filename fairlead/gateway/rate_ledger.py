"""What one process has of a rate at this moment, and what it has to tell: no waiting, no store, just the books.

Between two exchanges calls are taken from what is held; each is noted in the second in which it was taken, by the
store's clock. A `Note` of what was told is kept until we know that it was heard: an exchange may have taken effect
though its answer was lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fairlead.gateway.rate import BOTH, NONE, SECOND, Answer, Left, Limited, Pair, Rate


@dataclass(slots=True)
class Note:
    """What an exchange tells."""

    used: dict[int, Pair]
    corrected: dict[int, Pair]
    limited: Limited | None
    left: Left | None
    held: Pair


@dataclass(slots=True)
class Ledger:
    rate: Rate
    held: list[int] = field(default_factory=lambda: [0, 0])
    until: float = 0.0
    """When the lease ends, in seconds of our monotonic clock."""
    paused_until: float = 0.0
    offset: float = 0.0
    """From our monotonic clock to the store's, in seconds."""
    used: dict[int, Pair] = field(default_factory=dict[int, Pair])
    corrected: dict[int, Pair] = field(default_factory=dict[int, Pair])
    limited: Limited | None = None
    left: Left | None = None

    def has(self, tokens: int, now: float) -> bool:
        """Whether a call of so many tokens may go now."""
        if now >= self.until or now < self.paused_until:
            return False
        needed = self.counted(1, tokens)
        return self.held[0] >= needed[0] and self.held[1] >= needed[1]

    def take(self, tokens: int, now: float) -> int | None:
        """Take a call; the second in which it counts, or None where `has` says no."""
        taken, held = self.counted(1, tokens), self.held
        if now >= self.until or now < self.paused_until or held[0] < taken[0] or held[1] < taken[1]:
            return None
        slot = int(now + self.offset)
        add(self.used, slot, taken)
        held[0] -= taken[0]
        held[1] -= taken[1]
        return slot

    def correct(self, slot: int, requests: int, tokens: int) -> None:
        """What was taken in that second turned out to be so much more, or less."""
        amount = self.counted(requests, tokens)
        if amount != NONE:
            add(self.corrected, slot, amount)

    def counted(self, requests: int, tokens: int) -> Pair:
        """Without what has no limit; no call counts more than a minute's worth, or it could never go."""
        rate = self.rate
        most = rate.tokens
        if most is None:
            tokens = 0
        elif not -most <= tokens <= most:
            tokens = most if tokens > 0 else -most
        return 0 if rate.requests is None else requests, tokens

    def tell(self, *, keep: Pair | None) -> Note:
        """All there is to tell. `keep`: give back what is held beyond it."""
        if keep is not None:
            self.held = [min(self.held[d], keep[d]) for d in BOTH]
        note = Note(self.used, self.corrected, self.limited, self.left, (self.held[0], self.held[1]))
        self.used, self.corrected, self.limited, self.left = {}, {}, None, None
        return note

    def untold(self, note: Note) -> None:
        """It was not heard: tell it again."""
        for slot, amount in note.used.items():
            add(self.used, slot, amount)
        for slot, amount in note.corrected.items():
            add(self.corrected, slot, amount)
        self.limited = self.limited or note.limited
        self.left = self.left or note.left

    def heard(self, answer: Answer, note: Note, *, asked_at: float, lease_s: float) -> None:
        """`asked_at`: before the question left, so that our lease never outlives what the store believes."""
        if answer.lost:
            self.held = [self.held[d] - note.held[d] for d in BOTH]  # what was taken meanwhile stays owed
        for d in BOTH:
            self.held[d] += answer.granted[d]
        self.until = asked_at + lease_s
        self.offset = answer.now / SECOND - asked_at
        if self.limited is None:  # or a refusal has come meanwhile that nobody else knows of
            self.paused_until = asked_at + answer.paused_for / SECOND if answer.paused_for else 0.0

    def stand_alone(self) -> None:
        """The lease is over and can't be renewed. What was used is told when the store answers again, come what may."""
        for slot, amount in self.used.items():
            add(self.corrected, slot, amount)
        self.used, self.held = {}, [0, 0]


def add(amounts: dict[int, Pair], slot: int, amount: Pair) -> None:
    had = amounts.get(slot)
    amounts[slot] = amount if had is None else (had[0] + amount[0], had[1] + amount[1])
