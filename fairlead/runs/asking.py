"""A model call as a step: messages kept once each, the answer recorded, a call in flight at a crash charged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import replace
from functools import lru_cache
from typing import Any, cast

from fairlead.agents.jsonable import encode, encode_known
from fairlead.gateway.provider import Complete
from fairlead.gateway.sink import Sink
from fairlead.gateway.types import Format, ModelReply, ModelRequest
from fairlead.runs.deltas import Deltas
from fairlead.runs.journal import Said
from fairlead.runs.recorded import Recording, digest_of
from fairlead.runs.step import Step

_WITH_THE_INTENT = 16 * 1024  # characters of new messages: what is longer would keep the question waiting
_SHORT = 8 * 1024  # bytes of a message whose digest is remembered: of all of them at most 8 MB


class Asking:
    """The gateway's recorder for one call: it answers from the book, or asks and records. `bound` tells the most that
    one try may cost."""

    def __init__(
        self, recording: Recording, asked: ModelRequest, *, bound: Callable[[ModelRequest], int], deltas: Deltas
    ) -> None:
        self._recording = recording
        self._asked = asked
        self._bound = bound
        self._deltas = deltas

    async def once(self, request: ModelRequest, call: Complete) -> ModelReply:
        recording = self._recording
        step, record = await recording.enter("model", request.model, _digest(request))
        if record is not None and record.settled is not None:
            return self._counted(ModelReply.from_json(recording.replay(record)))
        shown, bodies = digested(request.body)
        asked = encode_known({"request": {"model": request.model, **shown}, **self._aside(request)})[:-1]
        bound = self._bound(request)
        held = recording.held
        held.begin()
        said = held.not_kept(bodies)
        keeping = self._keep(said) if sum([len(body) for *_, body in said]) > _WITH_THE_INTENT else None
        try:
            # Whoever finds this without an answer knows that the call may have been billed.
            await recording.begin(step, b'%b,"bound_nano":%d}' % (asked, bound), said if keeping is None else ())
            reply = await self._ask(step, request, call, keeping)
            data = b'%b,"result":%b}' % (asked, encode_known(reply.to_json()))
            if keeping is not None:
                await keeping
            held.keeps(said)
            await recording.done(step, data)
        finally:
            if keeping is not None:
                keeping.cancel()
            self._deltas.drop(step.key)
            held.end()
        return self._counted(reply)

    def _aside(self, request: ModelRequest) -> dict[str, bool]:
        """A call that nobody said in the conversation: for vectors, or the gateway's own to sum up what was said."""
        if request.format is Format.EMBEDDINGS:
            return {"aside": True}
        said, asked = request.body.get("messages"), self._asked.body.get("messages")
        return {"aside": True} if asked and said and said[-1] != asked[-1] else {}

    def _keep(self, said: Sequence[Said]) -> asyncio.Task[None]:
        """The messages must be there when the answer is recorded, not before it is asked for. In an empty context: the
        task is no child of the agent's branch."""
        keeping = self._recording.held.journal.keep_messages(said)
        return asyncio.get_running_loop().create_task(keeping, context=Context())

    async def _ask(
        self, step: Step, request: ModelRequest, call: Complete, keeping: asyncio.Task[None] | None
    ) -> ModelReply:
        if request.sink is not None:
            request = replace(request, sink=self._shown(step, request.sink))
        try:
            # A shared budget that can't be asked is no answer about the call: nothing was sent, and the run waits.
            return await self._recording.held.journal.until_answered(lambda: call(request))
        except Exception as error:
            if keeping is not None:
                await keeping
            charged = sum([one.cost_nano for one in request.way.tries])
            await self._recording.fail(step, error, charged=charged)
            raise

    def _shown(self, step: Step, sink: Sink) -> Sink:
        """The caller's sink, and beside it those who watch the run."""

        def delta(text: str) -> None:
            self._deltas.add(step.key, text)
            sink.delta(text)

        return Sink(delta, sink.data if sink.wants_data else None)

    def _counted(self, reply: ModelReply) -> ModelReply:
        held = self._recording.held
        held.tokens_in += reply.usage.tokens_in
        held.tokens_out += reply.usage.tokens_out
        return reply


# A conversation is said again with each call: to look a message up takes a fifth of the time of digesting it.
_known_digest = lru_cache(maxsize=1024)(digest_of)


def digested(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The body with digests for its messages and names for its tools, and the messages by digest. It has been encoded
    before."""
    bodies: dict[str, bytes] = {}
    digests: list[str] = []
    said: Any = body.get("messages", body.get("input", []))
    # Responses take one text too, embeddings one list of tokens.
    listed = cast("list[Any]", said) if isinstance(said, list) else [said]
    for message in [listed] if any(isinstance(one, int) for one in listed) else listed:
        encoded = encode_known(message)
        digest = _known_digest(encoded) if len(encoded) <= _SHORT else digest_of(encoded)
        bodies[digest] = encoded
        digests.append(digest)
    shown = {key: value for key, value in body.items() if key not in ("messages", "input", "tools")}
    tools = [tool.get("function", tool).get("name", tool.get("type")) for tool in body.get("tools") or ()]
    return {**shown, "messages": digests, "tools": tools}, bodies


def _digest(request: ModelRequest) -> str:
    """Chat completions as they were always counted; another format is another question."""
    encoded = encode(request.body)
    if request.headers:
        encoded = encode(dict(request.headers)) + encoded
    return digest_of(encoded if request.format is Format.CHAT else request.format.encode() + encoded)


def spent_of(kind: str, data: Mapping[str, Any], *, settled: bool) -> int:
    """What one record of a model call or child run has cost, in nano-dollars."""
    if kind == "model":
        if not settled:
            return int(data.get("bound_nano", 0))
        result = data.get("result") or data
        return int(result.get("cost_nano", 0))
    return int(data.get("cost_nano", 0)) if kind == "child" and settled else 0
