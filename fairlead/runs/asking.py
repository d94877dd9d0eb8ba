"""A model call as a step: messages kept once each, the answer recorded, a call in flight at a crash charged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.agents.jsonable import encode
from fairlead.gateway.budgets import Budget, Hold
from fairlead.gateway.provider import Complete
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.runs.deltas import Deltas
from fairlead.runs.recorded import Recording, digest_of
from fairlead.runs.step import Step


class Asking:
    """The gateway's recorder for one call: it answers from the book, or asks and records."""

    def __init__(self, recording: Recording, *, tally: Tally, bound_nano: int, deltas: Deltas) -> None:
        self._recording = recording
        self._tally = tally
        self._bound_nano = bound_nano
        self._deltas = deltas

    async def once(self, request: ModelRequest, call: Complete) -> ModelReply:
        recording = self._recording
        step, record = await recording.enter("model", request.model, digest_of(encode(request.body)))
        if record is not None and record.settled is not None:
            return self._counted(ModelReply.from_json(recording.replay(record)))
        shown, bodies = digested(request.body)
        held = recording.held
        held.begin()
        try:
            # Whoever finds this without an answer knows that the call may have been billed.
            await recording.begin(step, {"request": {"model": request.model, **shown}, "bound_nano": self._bound_nano})
            await held.journal.keep_messages(held.run.tenant, held.run.id, bodies)
            reply = await self._ask(step, request, call)
            data = encode({"request": {"model": request.model, **shown}, "result": reply.to_json()})
            await recording.done(step, data)
        finally:
            self._deltas.drop(step.key)
            held.end()
        return self._counted(reply)

    async def _ask(self, step: Step, request: ModelRequest, call: Complete) -> ModelReply:
        watched = ModelRequest(
            request.model, request.body, request.timeout, request.run_id, request.agent, request.tenant,
            on_delta=self._streaming(step, request.on_delta) if request.on_delta is not None else None,
        )  # fmt: skip
        try:
            return await call(watched)
        except Exception as error:
            await self._recording.fail(step, error, charged=self._tally.spent_nano)
            raise

    def _streaming(self, step: Step, told: Callable[[str], None]) -> Callable[[str], None]:
        def delta(text: str) -> None:
            self._deltas.add(step.key, text)
            told(text)

        return delta

    def _counted(self, reply: ModelReply) -> ModelReply:
        held = self._recording.held
        held.tokens_in += reply.usage.tokens_in
        held.tokens_out += reply.usage.tokens_out
        return reply


@dataclass(slots=True)
class Tally:
    """A budget that also knows what one call has spent of it."""

    budget: Budget
    spent_nano: int = 0

    def hold(self, bound_nano: int) -> Hold:
        return _Noted(self.budget.hold(bound_nano), self)

    async def hold_when_free(self, bound_nano: int) -> Hold:
        return _Noted(await self.budget.hold_when_free(bound_nano), self)


@dataclass(frozen=True, slots=True)
class _Noted:
    hold: Hold
    tally: Tally

    def raise_to(self, nano: int) -> None:
        self.hold.raise_to(nano)

    def settle(self, actual_nano: int) -> None:
        self.tally.spent_nano += actual_nano
        self.hold.settle(actual_nano)

    def release(self) -> None:
        self.hold.release()


def digested(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The body with digests for its messages and names for its tools, and the messages by digest."""
    bodies: dict[str, bytes] = {}
    digests: list[str] = []
    for message in body.get("messages", ()):
        encoded = encode(message)
        digest = digest_of(encoded)
        bodies[digest] = encoded
        digests.append(digest)
    shown = {key: value for key, value in body.items() if key not in ("messages", "tools")}
    tools = [tool.get("function", tool).get("name") for tool in body.get("tools", ())]
    return {**shown, "messages": digests, "tools": tools}, bodies


def spent_of(kind: str, data: Mapping[str, Any], *, settled: bool) -> int:
    """What one record of a model call or child run has cost, in nano-dollars."""
    if kind == "model":
        if not settled:
            return int(data.get("bound_nano", 0))
        result = data.get("result") or data
        return int(result.get("cost_nano", 0))
    return int(data.get("cost_nano", 0)) if kind == "child" and settled else 0
