"""A model that costs nothing: answers come from a policy, always the same, with the faults that real ones have.

`Simulation` decides what is said and counts who asked; `SimulatedProvider` says it in process, and
`gateway/simulate.py` over HTTP.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import timedelta
from typing import Any, assert_never

import orjson

from fairlead.clock import Clock
from fairlead.errors import BrokenAnswer, ModelError, ModelLimited, ModelRefused, ModelUnavailable
from fairlead.gateway import bounds
from fairlead.gateway.faults import Fault, Faults
from fairlead.gateway.policy import Policy, Reply, default_policy
from fairlead.gateway.providers import simulated_embeddings
from fairlead.gateway.types import Format, ModelReply, ModelRequest, split_model
from fairlead.gateway.usage import Usage, estimated_tokens
from fairlead.gateway.wire import WIRES, crossing
from fairlead.gateway.wire.wire import Wire

_A_YEAR = timedelta(days=365)
_PIECE = 16  # characters in one piece of a stream


def digest(body: dict[str, Any]) -> str:
    """The same for the same question: SHA-256 of its messages and tools (or of what is to be embedded) as canonical
    JSON."""
    asked: dict[str, Any] = {"messages": body.get("messages"), "tools": body.get("tools") or []}
    if "input" in body:
        asked = {"input": body["input"]}
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Simulation:
    """Deterministic answers in the OpenAI format, and counters that prove who asked what how often."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or default_policy
        self.reset()

    def reset(self) -> None:
        self.requests = 0
        self.completed = 0
        self.by_digest: Counter[str] = Counter()

    def asked(self, body: dict[str, Any], form: Format = Format.CHAT) -> str:
        """Counts a request and returns its digest."""
        key = digest(as_chat(body, form))
        self.requests += 1
        self.by_digest[key] += 1
        return key

    def answer(self, asked: dict[str, Any], form: Format, model: str, key: str) -> dict[str, Any]:
        """What the policy says to this request of `form`, in the same form. ModelRefused when the policy raises.
        Vectors are no matter of policy: they follow from the words."""
        if form is Format.EMBEDDINGS:
            return simulated_embeddings.answer(asked, model, bounds.expected_input(asked))
        completion = self._completion(as_chat(asked, form), model, key)
        return crossing.answer(completion, Format.CHAT, form)

    def _completion(self, body: dict[str, Any], model: str, key: str) -> dict[str, Any]:
        message = _message(self._reply(body), key)
        usage = _usage(body, message)
        return {
            "id": f"chatcmpl-{key[:24]}",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
                }
            ],
            "usage": {
                "prompt_tokens": usage.tokens_in,
                "completion_tokens": usage.tokens_out,
                "total_tokens": usage.tokens_in + usage.tokens_out,
            },
        }

    def _reply(self, body: dict[str, Any]) -> Reply:
        try:
            said = self._policy(body.get("messages") or [], body.get("tools") or [])
        except Exception as error:  # the edge to code that is the user's
            raise ModelRefused(f"The simulation's policy raised {type(error).__name__}: {error}") from error
        if isinstance(said, str):
            return Reply(said)
        if not isinstance(said, Reply):  # pyright: ignore[reportUnnecessaryIsInstance]  (user code)
            raise ModelRefused(f"The simulation's policy returned {type(said).__name__}, not a Reply or text.")
        return said


class SimulatedProvider:
    """A simulation in process. `tokens_per_second` None: as fast as it can."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        clock: Clock,
        name: str = "simulated",
        latency: timedelta = timedelta(0),
        tokens_per_second: float | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.name = name
        self.formats = tuple(Format)
        self.cap_name = "max_tokens"
        self.ready = True
        self.simulation = Simulation(policy)
        self.faults = faults or Faults()
        self._clock = clock
        self._latency = latency
        self._rate = tokens_per_second

    @property
    def calls(self) -> int:
        return self.simulation.requests

    async def complete(self, request: ModelRequest) -> ModelReply:
        _, model = split_model(request.model)
        wire, form = WIRES[request.format], request.format
        key = self.simulation.asked(request.body, form)
        fault = self.faults.draw()
        request.meter.begin(_expected(request), most_out=bounds.most_out(request.body, wire))
        started = self._clock.monotonic()
        if self._latency:
            await self._clock.sleep(self._latency)
        answer = self.simulation.answer(request.body, form, model, key)
        await self._fail_before(request, fault)
        await self._say(request, wire, answer, started, cut=fault is Fault.CUT)
        self.simulation.completed += 1
        usage = wire.usage_of(answer) or _expected(request)
        request.meter.settle(usage)
        return ModelReply(
            answer, usage, 0, self.name, request.model, first_token=request.meter.first_token, format=form
        )

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def _fail_before(self, request: ModelRequest, fault: Fault | None) -> None:
        match fault:
            case None | Fault.CUT:
                return
            case Fault.RATE_LIMIT | Fault.SERVER_ERROR:
                request.meter.free()
                raise self._unavailable(fault)
            case Fault.MALFORMED:
                raise BrokenAnswer(f"{self.name} sent an answer that is not JSON (simulated).")
            case Fault.TIMEOUT | Fault.SLOW:
                await self._clock.sleep(_A_YEAR)  # until the caller's patience ends
            case _:
                assert_never(fault)

    def _unavailable(self, fault: Fault) -> ModelError:
        if fault is Fault.RATE_LIMIT:
            said = f"{self.name} answered 429: slow down (simulated)"
            return ModelLimited(said, retry_after=self.faults.retry_after, hint="The provider is up and limits us.")
        return ModelUnavailable(f"{self.name} answered 500: out of order (simulated)")

    async def _say(
        self, request: ModelRequest, wire: Wire, answer: dict[str, Any], started: float, *, cut: bool
    ) -> None:
        """Hands the answer over at the speed of a model."""
        sink = request.sink
        events = list(wire.emit(answer, piece=_PIECE)) if sink is not None or cut or self._rate is not None else []
        assembly, meter = wire.assembly(), request.meter
        for data in events[: len(events) // 2] if cut else events:
            before = assembly.size
            text = assembly.feed(data)
            await self._pace(len(text.encode()))
            if sink is None:
                continue
            if meter.first_token is None and assembly.size:
                meter.first_token = timedelta(seconds=self._clock.monotonic() - started)
            meter.saw(assembly.size - before)
            if text:
                sink.delta(text)
            await sink.data([data])
        if cut:
            raise BrokenAnswer("The stream was cut before its end (simulated).")

    async def _pace(self, size: int) -> None:
        if self._rate is not None and size:
            await self._clock.sleep(timedelta(seconds=estimated_tokens(size) / self._rate))


def as_chat(body: dict[str, Any], form: Format) -> dict[str, Any]:
    """The request as a policy reads it; one for embeddings as it is."""
    if form is Format.EMBEDDINGS:
        return body
    return crossing.request(body, form, Format.CHAT, lossy=True, cap_name="max_tokens").body


def _message(reply: Reply, key: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": "call_" + hashlib.sha256(f"{key}:{index}".encode()).hexdigest()[:24],
                "type": "function",
                "function": {"name": call.name, "arguments": orjson.dumps(call.arguments).decode()},
            }
            for index, call in enumerate(reply.tool_calls)
        ]
    elif not reply.text:
        message["content"] = ""
    return message


def _usage(body: dict[str, Any], message: dict[str, Any]) -> Usage:
    said = (message["content"] or "").encode()
    calls: list[Any] = message.get("tool_calls") or []
    called = sum(len(call["function"]["arguments"]) + 16 for call in calls)
    most = bounds.most_out(body, WIRES[Format.CHAT])
    return Usage(bounds.expected_input(body), min(estimated_tokens(len(said) + called), most))


def _expected(request: ModelRequest) -> Usage:
    return Usage(bounds.expected_input(request.body), 0, estimated=True)
