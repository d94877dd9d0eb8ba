"""One governed path for every model call. The order of the wrappers is written here and nowhere else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import orjson

from fairlead.clock import Clock
from fairlead.gateway.breaker import Breaker
from fairlead.gateway.budget import Budget
from fairlead.gateway.budgeted import Budgeted, Purses, only_own
from fairlead.gateway.circuit import CircuitPolicy, State
from fairlead.gateway.cross import Cross
from fairlead.gateway.fallback import Fallback
from fairlead.gateway.fit import fitted
from fairlead.gateway.models import Model
from fairlead.gateway.prices import Prices, Quote
from fairlead.gateway.provider import Complete, Provider
from fairlead.gateway.recorder import Recorder
from fairlead.gateway.retry import Retry, RetryPolicy
from fairlead.gateway.route import Route
from fairlead.gateway.settle import Keep, Settle, upper_bound_nano
from fairlead.gateway.sink import Sink
from fairlead.gateway.standing import Standing
from fairlead.gateway.types import Attempt, Format, ModelReply, ModelRequest
from fairlead.gateway.way import Way
from fairlead.telemetry.emit import Emit

Wrap = Callable[[Complete], Complete]
WrapOne = Callable[[str, Complete], Complete]
_NANO = 1_000_000_000
_NO_CHOICES = re.compile(rb'"choices":\s*\[\s*\]')


def _as_it_is(call: Complete) -> Complete:
    return call


def _of_nobody(name: str, call: Complete) -> Complete:
    return call


def _forget(request: ModelRequest, attempt: Attempt) -> None:
    """Where no cost report is kept."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The parts that all processes share, on a database or on Redis. What is not given is not there."""

    switch: Wrap = _as_it_is
    cache: Wrap = _as_it_is
    key_limit: Wrap = _as_it_is
    provider_switch: WrapOne = _of_nobody
    limit: WrapOne = _of_nobody
    purses: Purses = only_own
    keep: Keep = _forget


@dataclass(frozen=True, slots=True)
class GatewayPolicy:
    """How calls are routed, tried again and given up; `cheapest_below_nano`: see `Route`."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    circuit: CircuitPolicy = field(default_factory=CircuitPolicy)
    cheapest_below_nano: int = _NANO
    lossy: bool = False


class Gateway:
    """Answers requests through the stack:

    fit → recorded → stopped? → cache → key's limit → budgets → route → fallback over
        [retry → breaker → stopped? → limit → format → hold, settle → provider]
    """

    def __init__(
        self,
        providers: tuple[Provider, ...],
        models: Mapping[str, Model],
        policy: GatewayPolicy,
        *,
        prices: Prices,
        shared: Shared,
        clock: Clock,
        emit: Emit,
        jitter: Callable[[], float],
    ) -> None:
        self._providers = providers
        self._models = models
        self._prices = prices
        self._policy = policy
        self._shared = shared
        self._clock = clock
        self._emit = emit
        self._jitter = jitter
        self._breakers: dict[str, Breaker] = {}
        self._fallback = Fallback(
            {provider.name: self._line(provider) for provider in providers}, clock=clock, emit=emit
        )
        self._route = Route(
            self._fallback, models, prices=prices, random=jitter, cheapest_below_nano=policy.cheapest_below_nano
        )
        budgeted = Budgeted(self._route, purses=shared.purses, clock=clock, emit=emit)
        self.check = lru_cache(maxsize=1024)(self._check)
        self._call: Complete = shared.switch(shared.cache(shared.key_limit(budgeted)))

    def _line(self, provider: Provider) -> Complete:
        """What stands between the stack and one provider, innermost first."""
        name, clock, emit = provider.name, self._clock, self._emit
        call: Complete = Settle(provider, prices=self._prices, clock=clock, emit=emit, keep=self._shared.keep)
        call = Cross(call, provider, lossy=self._policy.lossy, clock=clock, emit=emit)
        call = self._shared.limit(name, call)
        call = self._shared.provider_switch(name, call)
        call = self._breakers[name] = Breaker(call, name=name, clock=clock, emit=emit, policy=self._policy.circuit)
        return Retry(call, name=name, clock=clock, emit=emit, jitter=self._jitter, policy=self._policy.retry)

    async def complete(
        self,
        request: ModelRequest,
        *,
        recorder: Recorder | None = None,
        budget: Budget | None = None,
        summaries: dict[bytes, ModelReply] | None = None,
    ) -> ModelReply:
        """The answer, with what it cost. Raises a ModelError, BudgetExceededError, ConfigurationError for a provider
        that nobody declared, or InvalidInput for a request that can't be sent. Cancelling it closes the connection.

        `summaries` is the caller's to keep from one call of a conversation to the next: what is in it is not asked
        for again.
        """
        self.check(request.model)
        request = _on_its_way(request, budget)
        if request.choices.fit is not None:
            request = await fitted(request, lambda asked: self._summary(asked, recorder, summaries))
        return await self._once(request, recorder)

    async def _summary(
        self, request: ModelRequest, recorder: Recorder | None, kept: dict[bytes, ModelReply] | None
    ) -> ModelReply:
        if kept is None:
            return await self._once(request, recorder)
        key = orjson.dumps([request.model, request.body])
        if key not in kept:
            kept[key] = await self._once(request, recorder)
        return kept[key]

    def _once(self, request: ModelRequest, recorder: Recorder | None) -> Awaitable[ModelReply]:
        return self._call(request) if recorder is None else recorder.once(request, self._call)

    def _check(self, model: str) -> None:
        """Raises what `complete` would raise for a model that nobody can answer, before anything is recorded."""
        for one in self._route.may_answer(model):
            self._fallback.line(one)

    def embeds_with(self, model: str) -> str:
        """The name of the model whose vectors a request for `model` gets. Raises ConfigurationError where there is not
        one."""
        return self._route.embeds_with(model)

    def upper_bound_nano(self, request: ModelRequest) -> int:
        """The most that one try of this request can cost, at the dearest of the models that may answer."""
        asked = (request.model, *(request.choices.fallback or ()))
        models = {model for one in asked for model in self._route.may_answer(one)}
        return max(upper_bound_nano(request, model, self._prices) for model in models)

    def models(self) -> list[str]:
        """The names of the declared models."""
        return sorted(self._route.names)

    def known_models(self) -> Iterator[str]:
        """What may be asked for by name: the declared models, and those that have a price, of providers that have their
        key. Any other "provider/model" may be asked for as well."""
        yield from self.models()
        for provider in self._providers:
            if provider.ready:
                yield from self._prices.models_of(provider.name)

    def declared(self) -> Sequence[Model]:
        """The models of the project, by name."""
        return [self._models[name] for name in self.models()]

    def quote(self, model: str) -> Quote:
        """What a "provider/model" costs, and where that is from."""
        return self._prices.quote(model)

    def health(self) -> dict[str, State]:
        """Of every provider, as this process knows it."""
        return {name: breaker.circuit.state for name, breaker in self._breakers.items()}

    def standings(self) -> list[Standing]:
        circuits = {name: breaker.circuit for name, breaker in self._breakers.items()}
        return [
            Standing(one.name, circuits[one.name].state, ready=one.ready, heard=circuits[one.name].heard)
            for one in self._providers
        ]

    async def aclose(self) -> None:
        await asyncio.gather(*(provider.aclose() for provider in self._providers))


def _on_its_way(request: ModelRequest, budget: Budget | None) -> ModelRequest:
    way, sink = request.way, request.sink
    if sink is not None and sink.wants_data and not _wants_usage(request):
        sink = _without_usage(sink)
    if way.begun or sink is not request.sink:
        way = Way()
        request = request.on(way, sink)
    way.begin(budget)
    return request


def _wants_usage(request: ModelRequest) -> bool:
    options = request.body.get("stream_options")
    return request.format is not Format.CHAT or (isinstance(options, dict) and options.get("include_usage") is True)  # pyright: ignore[reportUnknownMemberType]


def _without_usage(sink: Sink) -> Sink:
    """We ask every stream for its usage. A client that did not would stumble over a chunk without choices."""

    async def pass_on(events: Sequence[bytes]) -> None:
        wanted = [data for data in events if b'"usage"' not in data or _NO_CHOICES.search(data) is None]
        if wanted:
            await sink.data(wanted)

    return Sink(sink.delta, pass_on)


def build(
    providers: Iterable[Provider],
    prices: Prices,
    clock: Clock,
    emit: Emit,
    *,
    jitter: Callable[[], float],
    models: Mapping[str, Model] | None = None,
    policy: GatewayPolicy | None = None,
    shared: Shared | None = None,
) -> Gateway:
    """A gateway to these providers. `jitter` gives numbers from 0 to 1: `random.random` in the product."""
    gateway = Gateway(
        tuple(providers), models or {}, policy or GatewayPolicy(), prices=prices, shared=shared or Shared(),
        clock=clock, emit=emit, jitter=jitter,
    )  # fmt: skip
    for name in gateway.models():
        gateway.check(name)
    for name in gateway.health():
        emit("provider_health", provider=name, state=State.CLOSED.value, healthy=True, reason="")
    return gateway
