"""Try again what may succeed again, later each time, and never beyond the deadline of the request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import BrokenAnswer, ModelError, ModelTimeout, ModelUnavailable
from fairlead.gateway.deadlines import Deadlines
from fairlead.gateway.provider import Complete
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.telemetry.emit import Emit

_LATE = "late"
_SPREAD = 0.25  # of the wait, so that callers who failed together do not come back together


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `tries` in all; before each but the first a wait of 1, 2, 4 s ... or what the provider asked for.

    `tries_before_fallback` counts where another model may answer: waiting would only make the caller wait.
    """

    tries: int = 4
    first_wait: timedelta = timedelta(seconds=1)
    tries_before_fallback: int = 1


def next_wait(
    policy: RetryPolicy, error: ModelError, *, tried: int, told: bool, left: timedelta, jitter: float
) -> timedelta | None:
    """How long to wait before the next try, or None when there must be none.

    `told`: the caller has seen a part of the answer. `left`: until the deadline. `jitter`: 0 to 1.
    """
    if tried >= policy.tries or told or not isinstance(error, ModelUnavailable | BrokenAnswer):
        return None
    wait = policy.first_wait * 2 ** (tried - 1) * (1 + _SPREAD * jitter)
    asked = error.retry_after if isinstance(error, ModelUnavailable) else None
    if asked is not None:
        wait = max(wait, asked + policy.first_wait * _SPREAD * jitter)
    return wait if wait < left else None


class Retry:
    """One model at one provider, tried again. Bounds the time of every try: waits for limits and budgets too."""

    def __init__(
        self, call: Complete, *, name: str, clock: Clock, emit: Emit, jitter: Callable[[], float], policy: RetryPolicy
    ) -> None:
        self._call = call
        self._name = name
        self._clock = clock
        self._emit = emit
        self._jitter = jitter
        self._policy = policy
        self._deadlines = Deadlines()

    async def __call__(self, request: ModelRequest) -> ModelReply:
        policy, tried = self._policy_of(request), 0
        seconds = request.timeout.total_seconds()
        deadline = self._clock.monotonic() + seconds
        asked, cut, deadlines = request, request.way.cut, self._deadlines
        while True:
            tried += 1
            # Of one try. A provider bounds its own time; this holds when it does not, and bounds the waits before it.
            deadlines.set(cut, deadlines.loop.time() + seconds, lambda: cut.off(_LATE))
            try:
                return await self._call(asked)
            except asyncio.CancelledError:
                if cut.why is not _LATE or not cut.alone:
                    raise
                raise self._late(request) from None
            except ModelError as error:
                wait = self._wait(policy, request, error, tried, deadline)
                if wait is None:
                    raise
                self._tell(request, error, tried, wait)
            finally:
                deadlines.drop(cut)
                if cut.why is _LATE:
                    cut.end()
            await self._clock.sleep(wait)
            seconds = max(deadline - self._clock.monotonic(), 0)
            asked = replace(request, timeout=timedelta(seconds=seconds))

    def _policy_of(self, request: ModelRequest) -> RetryPolicy:
        policy = self._policy
        if request.way.candidates:
            return replace(policy, tries=policy.tries_before_fallback)
        return policy if request.choices.retries is None else replace(policy, tries=request.choices.retries + 1)

    def _late(self, request: ModelRequest) -> ModelTimeout:
        return ModelTimeout(
            f"{self._name} did not finish within {request.timeout.total_seconds():g} s.",
            hint="Raise model_timeout, or ask for a shorter answer.",
        )

    def _wait(
        self, policy: RetryPolicy, request: ModelRequest, error: ModelError, tried: int, deadline: float
    ) -> timedelta | None:
        left = timedelta(seconds=max(deadline - self._clock.monotonic(), 0))
        return next_wait(policy, error, tried=tried, told=request.told, left=left, jitter=self._jitter())

    def _tell(self, request: ModelRequest, error: ModelError, tried: int, wait: timedelta) -> None:
        who = request.caller
        self._emit(
            "llm_retry", run_id=who.run_id, agent=who.agent, tenant=who.tenant, provider=self._name,
            model=request.model, attempt=tried, error=error.code, message=error.message, delay=wait,
        )  # fmt: skip
