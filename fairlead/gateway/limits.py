"""The shares that this process has, one for each provider and model that is asked."""

from __future__ import annotations

import asyncio
from itertools import count

from fairlead.clock import Clock
from fairlead.database import Signals
from fairlead.gateway.bucket import used
from fairlead.gateway.rate import Rate, Rates, RateState, Use
from fairlead.gateway.rate_share import Share
from fairlead.gateway.rate_store import RateStore
from fairlead.telemetry.emit import Emit

_PAUSED = "llm_paused"


class Limits:
    """`process` is a name that no other process has or has had. `parts`: into how many a rate is divided while the
    store can't be asked and we don't know how many processes there are. `signals` brings word of a pause to processes
    that make no calls at the moment; the others hear of it within a second anyway."""

    def __init__(
        self,
        rates: Rates,
        *,
        store: RateStore,
        process: str,
        clock: Clock,
        emit: Emit,
        signals: Signals | None = None,
        parts: int = 4,
    ) -> None:
        self._rates = rates
        self._store = store
        self._process = process
        self._clock = clock
        self._emit = emit
        self._signals = signals or Signals()
        self._parts = parts
        self._numbers = count()
        self._shares: dict[str, Share] = {}
        self._deaf = self._signals.subscribe(_PAUSED, self._hear)

    def of(self, name: str, rate: Rate | None = None) -> Share:
        """What this process has of the rate of a "provider/model", or of `rate` for whatever else has a name."""
        share = self._shares.get(name)
        return share if share is not None else self._new(name, rate or self._rates.of(name))

    def state(self) -> tuple[RateState, ...]:
        """How each rate stands here, for the console and for health."""
        return tuple(share.state() for share in self._shares.values())

    async def use(self, name: str) -> tuple[Rate, Use]:
        """How much of the rate of a "provider/model" all processes use. Raises `DatabaseUnavailable`."""
        rate = self._rates.of(name)
        kept = await self._store.read(name)
        return rate, used(kept.text, rate, kept.now)

    async def aclose(self) -> None:
        """Hands back what is held, and closes the store."""
        self._deaf()
        await asyncio.gather(*(share.aclose() for share in self._shares.values()))
        await self._store.aclose()

    def _new(self, model: str, rate: Rate) -> Share:
        # Whoever asks may name any model: those that nobody asks for any more are forgotten.
        for name in [name for name, share in self._shares.items() if share.over]:
            del self._shares[name]
        share = self._shares[model] = Share(
            model,
            rate,
            process=f"{self._process}/{next(self._numbers)}",  # a forgotten one may still have a call under way
            store=self._store,
            clock=self._clock,
            emit=self._emit,
            parts=self._parts,
            tell=lambda: self._signals.publish(_PAUSED, model),
        )
        return share

    def _hear(self, model: str) -> None:
        if share := self._shares.get(model):
            share.look()
