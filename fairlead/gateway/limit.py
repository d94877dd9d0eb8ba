"""Keep to what a provider allows: calls wait for their turn instead of failing, and 429 means "up, and limits us"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import FairleadError, ModelError, ModelLimited, ModelRefused, ModelUnavailable
from fairlead.gateway.limits import Limits
from fairlead.gateway.provider import Complete
from fairlead.gateway.rate_headers import left, tells_what_is_left
from fairlead.gateway.rate_share import Share
from fairlead.gateway.transport import NeverSent
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.gateway.usage import Usage
from fairlead.telemetry.emit import Emit

_WORTH_TELLING = timedelta(milliseconds=100)


class Limit:
    """A provider, asked no faster than it allows.

    `expect` says how many tokens a request may take: input and the most of output. A call waits no longer than its
    timeout and, where another model could answer it, no longer than `max_wait`: then it raises ModelLimited as soon as
    it is known that the wait would be longer, with `retry_after`.
    """

    def __init__(
        self,
        call: Complete,
        *,
        limits: Limits,
        expect: Callable[[ModelRequest], int],
        clock: Clock,
        emit: Emit,
        max_wait: timedelta = timedelta(seconds=2),
    ) -> None:
        self._call = call
        self._limits = limits
        self._expect = expect
        self._clock = clock
        self._emit = emit
        self._max_wait = max_wait

    async def __call__(self, request: ModelRequest) -> ModelReply:
        share = self._limits.of(request.model)
        tokens = share.capped(self._expect(request))
        slot = share.take(tokens)
        if slot is None:
            slot = await self._wait(request, share, tokens)
        permit = _Permit(share, slot, tokens, self._clock)
        try:
            request.way.on_headers = permit.hear
            reply = await self._call(request)
        except BaseException as error:
            permit.settle_failure(error)
            if isinstance(error, ModelLimited):
                share.limited(error.retry_after)
            raise
        permit.settle(reply.usage)
        return reply

    async def _wait(self, request: ModelRequest, share: Share, tokens: int) -> int:
        started = self._clock.monotonic()
        most = min(request.timeout, self._max_wait) if request.way.candidates else request.timeout
        try:
            slot = await share.admit(tokens, request.caller, most)
        except ModelLimited as error:
            self._tell(request, error.retry_after or timedelta(0), "refused")
            raise
        waited = timedelta(seconds=self._clock.monotonic() - started)
        if waited >= _WORTH_TELLING:
            self._tell(request, waited, "waited")
        return slot

    def _tell(self, request: ModelRequest, wait: timedelta, why: str) -> None:
        caller = request.caller
        self._emit(
            "llm_limited",
            run_id=caller.run_id,
            agent=caller.agent,
            tenant=caller.tenant,
            release=caller.release,
            provider=request.model.partition("/")[0],
            model=request.model,
            wait=wait,
            why=why,
        )


class _Permit:
    """One call that was let go: what it was expected to use, until it is known what it used."""

    __slots__ = ("_answers", "_clock", "_share", "_slot", "_tokens")

    def __init__(
        self,
        share: Share,
        slot: int,
        tokens: int,
        clock: Clock,
    ) -> None:
        self._share = share
        self._slot = slot
        self._tokens = tokens
        self._clock = clock
        self._answers = 0

    def hear(self, headers: Mapping[str, str]) -> None:
        """The headers of an answer. A second one means that the call was tried again behind us: one request more."""
        self._answers += 1
        if self._answers > 1:
            self._share.correct(self._slot, 1, 0)
        if tells_what_is_left(headers) and (said := left(headers, self._clock.now())) is not None:
            self._share.told(said)

    def settle(self, usage: Usage) -> None:
        self._share.correct(self._slot, 0, usage.tokens_in + usage.tokens_out - self._tokens)

    def settle_failure(self, error: BaseException) -> None:
        requests, tokens = unused(error, self._tokens, answered=self._answers > 0)
        if requests or tokens:
            self._share.correct(self._slot, -requests, -tokens)


def unused(error: BaseException, tokens: int, *, answered: bool) -> tuple[int, int]:
    """How much of what a call was admitted with comes back: requests and tokens.

    A provider counts the requests that it refuses, and takes no tokens for them. What we can't know is not given back.
    """
    match error:
        case ModelLimited() | ModelRefused():
            return 0, tokens
        case ModelUnavailable() if isinstance(error.__cause__, NeverSent):
            return 1, tokens
        case ModelError():
            return 0, 0
        case FairleadError() if not answered:  # refused by one of us before it was sent
            return 1, tokens
        case _:
            return 0, 0
