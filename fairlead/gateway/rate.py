"""How much a provider and model may be asked in a minute, and what processes say to each other about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

SECOND = 1_000_000  # times are microseconds, as everywhere in storage
Pair = tuple[int, int]  # requests, tokens
BOTH = (0, 1)
NONE: Pair = (0, 0)


@dataclass(frozen=True, slots=True)
class Rate:
    """What may pass in a minute. None: no limit."""

    requests: int | None = 60
    tokens: int | None = 100_000

    def most(self, dimension: int) -> int | None:
        return self.tokens if dimension else self.requests

    def share(self, of: int) -> Rate:
        """One part of `of`, at least one request a minute."""
        return Rate(*(None if most is None else max(most // of, 1) for most in (self.requests, self.tokens)))


@dataclass(frozen=True, slots=True)
class Limited:
    """The provider answered 429. `pause`: until when, in microseconds from now, if it said so."""

    pause: int | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """What the provider says is left of its own limit, of how much, and in how many microseconds it is full again."""

    requests: int | None = None
    tokens: int | None = None
    requests_limit: int | None = None
    requests_reset: int = 0
    tokens_reset: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """What a process tells and wants. `turn` grows with each change it tries to make.

    `used` is what it took from its lease since, by second; `corrected` what turned out otherwise, or came from
    elsewhere. `held` is what it still has. `need` must be at hand for the call that waits first (since `since`);
    `more` is wanted by those behind it, `ahead` by calls that may come.
    """

    process: str
    turn: int
    held: Pair = NONE
    need: Pair = NONE
    more: Pair = NONE
    ahead: Pair = NONE
    since: int = 0
    used: dict[int, Pair] = field(default_factory=dict[int, Pair])
    corrected: dict[int, Pair] = field(default_factory=dict[int, Pair])
    limited: Limited | None = None
    left: Left | None = None
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """`granted` comes on top of what is held; when the need is not met, it can be in `ready_in` microseconds."""

    granted: Pair
    now: int
    paused_for: int
    ready_in: int
    others: int
    """Other processes whose calls wait."""
    peers: int
    """Processes with a lease, this one included."""
    factor: float
    changed_from: float | None = None
    lost: bool = False
    """The lease had expired: what was held must not be used."""


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a rate is used, by all processes. `used` in the last minute, `held` by processes that may use it at
    any moment; `paused_for` is in microseconds."""

    used: Pair
    held: Pair
    paused_for: int
    factor: float
    processes: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Which rate holds for "provider/model": the model's own, or its provider's, or the default."""

    default: Rate = field(default_factory=Rate)
    providers: Mapping[str, Rate] = field(default_factory=dict[str, Rate])
    models: Mapping[str, Rate] = field(default_factory=dict[str, Rate])

    def of(self, model: str) -> Rate:
        own = self.models.get(model)
        return own if own is not None else self.providers.get(model.partition("/")[0], self.default)


@dataclass(frozen=True, slots=True)
class RateState:
    """How a rate stands in this process: for the console and for health."""

    model: str
    rate: Rate
    factor: float
    """Of the rate, after refusals by the provider."""
    paused_for: timedelta
    waiting: int
    held: Pair
    shared: bool
    """False: other processes can't be asked, and this one keeps to a part of the rate."""
    processes: int
