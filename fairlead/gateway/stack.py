"""One governed path for every model call. The order of the wrappers is written here and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from fairlead.clock import Clock
from fairlead.gateway.budgets import Budget, Unlimited
from fairlead.gateway.prices import Prices
from fairlead.gateway.provider import Complete, Provider
from fairlead.gateway.recorder import Recorder
from fairlead.gateway.retry import Retry, RetryPolicy
from fairlead.gateway.route import Route
from fairlead.gateway.settle import Settled, upper_bound_nano
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.telemetry.emit import Emit

_UNLIMITED = Unlimited()


class Gateway:
    """Answers requests through the stack:

    recorded → budget held → route → retry → provider → budget settled
    """

    def __init__(
        self, providers: tuple[Provider, ...], route: Route, *, prices: Prices, clock: Clock, emit: Emit
    ) -> None:
        self._providers = providers
        self._prices = prices
        self._clock = clock
        self._emit = emit
        self._route = route

    async def complete(
        self, request: ModelRequest, *, recorder: Recorder | None = None, budget: Budget | None = None
    ) -> ModelReply:
        """The answer, with what it cost. Raises a ModelError, BudgetExceededError, ConfigurationError for a provider
        that nobody declared, or InvalidInput for a request that can't be sent. Cancelling it closes the connection."""
        self._route.choose(request.model)
        call: Complete = Settled(
            self._route, budget=budget or _UNLIMITED, prices=self._prices, clock=self._clock, emit=self._emit
        )
        return await (call(request) if recorder is None else recorder.once(request, call))

    def upper_bound_nano(self, request: ModelRequest) -> int:
        """The most that one try of this request can cost."""
        return upper_bound_nano(request, self._prices)

    async def aclose(self) -> None:
        await asyncio.gather(*(provider.aclose() for provider in self._providers))


def build(
    providers: Iterable[Provider],
    prices: Prices,
    clock: Clock,
    emit: Emit,
    *,
    jitter: Callable[[], float],
    retry: RetryPolicy | None = None,
) -> Gateway:
    """A gateway to these providers. `jitter` gives numbers from 0 to 1: `random.random` in the product."""
    providers = tuple(providers)
    policy = retry or RetryPolicy()
    route = Route(
        {provider.name: Retry(provider, clock=clock, emit=emit, jitter=jitter, policy=policy) for provider in providers}
    )
    return Gateway(providers, route, prices=prices, clock=clock, emit=emit)
