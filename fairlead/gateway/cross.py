"""Carries a request to a provider that speaks another format, and its answer back; untouched where none need cross."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from fairlead.errors import InvalidInput
from fairlead.gateway.provider import Complete
from fairlead.gateway.sink import Sink
from fairlead.gateway.types import Format, ModelReply, ModelRequest
from fairlead.gateway.wire import crossing
from fairlead.telemetry.emit import Emit


class Cross:
    """What can't be carried is refused, or left out with a warning where `lossy` or the request says so."""

    def __init__(self, call: Complete, *, name: str, formats: Collection[Format], lossy: bool, emit: Emit) -> None:
        self._call = call
        self._name = name
        self._formats = formats
        self._lossy = lossy
        self._emit = emit

    async def __call__(self, request: ModelRequest) -> ModelReply:
        if request.format in self._formats:
            return await self._call(request)
        source, target = request.format, self._target(request.format)
        lossy = self._lossy if request.choices.lossy is None else request.choices.lossy
        crossed = crossing.request(request.body, source, target, lossy=lossy)
        if crossed.dropped:
            self._tell(request, target, crossed.dropped)
        inner = replace(request, body=crossed.body, format=target, headers={})
        sink = request.sink
        if sink is None or not sink.wants_data:
            reply = await self._call(inner)
        else:
            reply = await self._streamed(inner, sink, source)
        return replace(reply, body=crossing.answer(reply.body, target, source), format=source)

    async def _streamed(self, request: ModelRequest, sink: Sink, source: Format) -> ModelReply:
        stream = crossing.stream(request.format, source)

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
