"""The secrets of a process, each with what it is now.

    look every 10 s ──► older than 300 s? ──► fetch ──► another? ──► the new one, told to who watches
somebody was refused ──►  fetch at once, at most every 10 s ─┘
can't be fetched or used ──► the last one stays, with a warning
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from fairlead.clock import Clock, SystemClock
from fairlead.config.secrets.finder import Finder
from fairlead.config.secrets.reference import Reference
from fairlead.config.url import passwords_of
from fairlead.errors import FairleadError

LOOK_EVERY = timedelta(seconds=10)
_SHORTEST_WORD = 6  # a shorter one is in too many honest texts to be struck out

Part = Reference | str
"""Of a value that is a list: each may be a reference."""


class Secret:
    """Hold this, not its value: `value` may be another tomorrow. Without `look` it never is."""

    def __init__(self, value: str, look: Callable[[], Any] | None = None) -> None:
        self._value = value
        self._look = look

    def __repr__(self) -> str:
        return f"Secret({'set' if self._value else 'not set'})"

    @property
    def value(self) -> str:
        """ "" when there is none."""
        return self._value

    async def refused(self, value: str) -> bool:
        """Somebody does not take this value any more. True: there is another now, which is worth one more try."""
        if self._look is not None and value == self._value:
            await self._look()
        return value != self._value

    def put(self, value: str) -> None:
        self._value = value


@dataclass(slots=True)
class _Held:
    name: str
    parts: Sequence[Part]
    check: Callable[[str], str]
    secret: Secret
    watchers: list[Callable[[str], None]] = field(default_factory=list[Callable[[str], None]])
    looked: float = float("-inf")
    lost: bool = False

    @property
    def places(self) -> str:
        return ", ".join(str(part) for part in self.parts if isinstance(part, Reference))


def _silent(event: str, /, **fields: Any) -> None:
    """Until somebody listens."""


class Secrets:
    """`emit` is set by whoever has ears: settings are read before there is a log."""

    def __init__(self, finder: Finder, *, clock: Clock | None = None) -> None:
        self.finder = finder
        self.emit: Callable[..., None] = _silent
        self.words: list[str] = []
        """All that must never be written, those of before as well."""
        self._clock = clock or SystemClock()
        self._held: dict[str, _Held] = {}
        self._busy = asyncio.Lock()

    def hold(self, name: str, parts: Sequence[Part]) -> Secret:
        """From now on looked after. Raises `ConfigurationError`, `SecretUnavailable`: there is no last value yet."""
        if name not in self._held:
            found = self._text(parts, None)
            held = _Held(name, parts, str, Secret(found))
            if self._may_change(held):
                held.secret = Secret(found, lambda: self._refused(held))
            self._held[name] = held
        return self._held[name].secret

    def get(self, name: str) -> Secret | None:
        held = self._held.get(name)
        return None if held is None else held.secret

    def check(self, name: str, check: Callable[[str], str]) -> None:
        """From now on `check` gives each value its normal form, or raises a `ValueError` that does not repeat it."""
        held = self._held[name]
        held.check = check
        held.secret.put(check(held.secret.value))

    def watch(self, name: str, hear: Callable[[str], None]) -> None:
        """`hear` is called with each new value."""
        if name in self._held:
            self._held[name].watchers.append(hear)

    def keep_quiet(self, value: str) -> None:
        """Let no log say this, nor the password within."""
        for word in (value, *passwords_of(value)):
            if len(word) >= _SHORTEST_WORD and word not in self.words:
                self.words.append(word)

    @property
    def references(self) -> dict[str, str]:
        """Where each is kept that is kept elsewhere."""
        return {name: held.places for name, held in self._held.items() if held.places}

    @property
    def any(self) -> bool:
        """Whether there is any that may change."""
        return any(self._may_change(held) for held in self._held.values())

    async def run(self) -> None:
        """For ever: until it is cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY)
            await self.once()

    async def once(self) -> list[str]:
        """Look again where it is time; the names of those that are others now."""
        soon = max(self.finder.keep - LOOK_EVERY, timedelta(0))  # or it would be older than allowed at the next look
        async with self._busy:
            return [held.name for held in list(self._held.values()) if self._may_change(held)
                    and await self._look(held, within=soon)]  # fmt: skip

    async def _refused(self, held: _Held) -> None:
        """A thousand callers refused at once ask once."""
        async with self._busy:
            if self._clock.monotonic() - held.looked >= LOOK_EVERY.total_seconds():
                held.looked = self._clock.monotonic()
                await self._look(held, within=timedelta(0))

    def _may_change(self, held: _Held) -> bool:
        return any(isinstance(part, Reference) and part.kind != "env" for part in held.parts)

    async def _look(self, held: _Held, *, within: timedelta) -> bool:
        try:
            text = await asyncio.to_thread(self._text, held.parts, within)
            self.keep_quiet(text)
            another = self._take(held, held.check(text))
        except FairleadError as error:
            self._lose(held, error.message)
            return False
        except ValueError as error:
            self._lose(held, f"what is there now {error}")
            return False
        except Exception as error:  # noqa: BLE001 - of a library; what is kept goes on being used
            self._lose(held, type(error).__name__)
            return False
        if held.lost:
            held.lost = False
            self.emit("secret_reachable", setting=held.name, reference=held.places)
        if another:
            self.emit("secret_rotated", setting=held.name, reference=held.places)
        return another

    def _take(self, held: _Held, value: str) -> bool:
        if value == held.secret.value:
            return False
        for hear in held.watchers:
            hear(value)
        held.secret.put(value)
        return True

    def _lose(self, held: _Held, why: str) -> None:
        """Told once until it is found again."""
        if not held.lost:
            held.lost = True
            self.emit("secret_unreachable", setting=held.name, reference=held.places, error=why)

    def _text(self, parts: Sequence[Part], within: timedelta | None) -> str:
        return ",".join(
            self.finder.find(one, within=within).value if isinstance(one, Reference) else one for one in parts
        )
