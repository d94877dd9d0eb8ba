"""Carries a request to a provider that speaks another format, and its answer back; untouched where none need cross."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace

from fairlead.clock import Clock
from fairlead.errors import InvalidInput
from fairlead.gateway.provider import Complete, Provider
from fairlead.gateway.sink import Sink
from fairlead.gateway.types import Format, ModelReply, ModelRequest, split_model
from fairlead.gateway.wire import crossing
from fairlead.telemetry.emit import Emit


class Cross:
    """What can't be carried is refused, or left out with a warning where `lossy` or the request says so."""

    def __init__(self, call: Complete, provider: Provider, *, lossy: bool, clock: Clock, emit: Emit) -> None:
        self._call = call
        self._name = provider.name
        self._formats = provider.formats
        self._cap_name = provider.cap_name
        self._lossy = lossy
        self._clock = clock
        self._emit = emit

    def __call__(self, request: ModelRequest) -> Awaitable[ModelReply]:
        return self._call(request) if request.format in self._formats else self._across(request)

    async def _across(self, request: ModelRequest) -> ModelReply:
        source, target = request.format, self._target(request.format)
        lossy = self._lossy if request.choices.lossy is None else request.choices.lossy
        # How to ask for thinking differs between models: who carries it over must know which one is asked.
        body = {**request.body, "model": split_model(request.model)[1]}
        crossed = crossing.request(body, source, target, lossy=lossy, cap_name=self._cap_name)
        if crossed.dropped:
            self._tell(request, target, crossed.dropped)
        inner = replace(request, body=crossed.body, format=target, headers={})
        created = self._clock.micros() // 1_000_000
        way = request.way
        known, way.measure = way.measure, None
        try:
            reply = await self._asked(inner, source, created)
        finally:
            way.measure = known  # another candidate may take the body as it was
        return replace(reply, body=crossing.answer(reply.body, target, source, created=created), format=source)

    async def _asked(self, request: ModelRequest, source: Format, created: int) -> ModelReply:
        sink = request.sink
        if sink is None or not sink.wants_data:
            return await self._call(request)
        stream = crossing.stream(request.format, source, created=created)

        async def cross(events: Sequence[bytes]) -> None:
            if crossed := [event for data in events for event in stream.feed(data)]:
                await sink.data(crossed)

        reply = await self._call(replace(request, sink=Sink(sink.delta, cross)))
        await sink.data(stream.finish())
        return reply

    def _target(self, source: Format) -> Format:
        for target in (Format.MESSAGES, Format.CHAT):
            if target in self._formats and crossing.can(source, target):
                return target
        spoken = ", ".join(sorted(self._formats))
        raise InvalidInput(
            f"{self._name} does not speak {source.value} ({spoken} only), and this request can't be carried over.",
            hint=f"Ask {self._name} in {spoken}, or another provider.",
        )

    def _tell(self, request: ModelRequest, target: Format, dropped: tuple[str, ...]) -> None:
        who = request.caller
        self._emit(
            "llm_dropped", run_id=who.run_id, agent=who.agent, tenant=who.tenant, provider=self._name,
            model=request.model, format=target.value, fields=list(dropped),
        )  # fmt: skip
