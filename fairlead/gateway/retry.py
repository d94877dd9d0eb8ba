"""Try again what may succeed again, later each time, and never beyond the deadline of the request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fairlead.clock import Clock
from fairlead.errors import BrokenAnswer, ModelError, ModelTimeout, ModelUnavailable
from fairlead.gateway.provider import Provider
from fairlead.gateway.types import NOTHING, Attempt, ModelReply, ModelRequest
from fairlead.telemetry.emit import Emit

_SPREAD = 0.25  # of the wait, so that callers who failed together do not come back together


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `tries` in all; before each but the first a wait of 1, 2, 4 s ... or what the provider asked for."""

    tries: int = 3
    first_wait: timedelta = timedelta(seconds=1)


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
    """A provider, tried again. Every try becomes an Attempt of the reply."""

    def __init__(
        self, provider: Provider, *, clock: Clock, emit: Emit, jitter: Callable[[], float], policy: RetryPolicy
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._emit = emit
        self._jitter = jitter
        self._policy = policy

    async def __call__(self, request: ModelRequest) -> ModelReply:
        deadline = self._clock.monotonic() + request.timeout.total_seconds()
        attempts: list[Attempt] = []
        while True:
            left = timedelta(seconds=max(deadline - self._clock.monotonic(), 0))
            started_at, sent = self._clock.now(), request.meter.sent
            started = self._clock.monotonic()
            try:
                reply = await self._within(left, request)
            except ModelError as error:
                attempts.append(self._attempt(request, started_at, started, sent, error))
                await self._wait(request, error, len(attempts), deadline)
            else:
                attempts.append(self._attempt(request, started_at, started, sent, None))
                return replace(reply, attempts=tuple(attempts))

    async def _within(self, left: timedelta, request: ModelRequest) -> ModelReply:
        """One try. A provider bounds its own time; this holds when it does not."""
        bound = asyncio.timeout(left.total_seconds())
        try:
            async with bound:
                return await self._provider.complete(replace(request, timeout=left))
        except TimeoutError as error:
            if not bound.expired():
                raise
            raise ModelTimeout(
                f"{self._provider.name} did not finish within {request.timeout.total_seconds():g} s.",
                hint="Raise model_timeout, or ask for a shorter answer.",
            ) from error

    async def _wait(self, request: ModelRequest, error: ModelError, tried: int, deadline: float) -> None:
        left = timedelta(seconds=max(deadline - self._clock.monotonic(), 0))
        wait = next_wait(self._policy, error, tried=tried, told=request.meter.told, left=left, jitter=self._jitter())
        if wait is None:
            raise error
        self._emit(
            "llm_retry",
            run_id=request.run_id,
            agent=request.agent,
            tenant=request.tenant,
            provider=self._provider.name,
            model=request.model,
            attempt=tried,
            error=error.code,
            message=error.message,
            delay=wait,
        )
        await self._clock.sleep(wait)

    def _attempt(
        self, request: ModelRequest, started_at: datetime, started: float, sent: int, error: ModelError | None
    ) -> Attempt:
        took = timedelta(seconds=self._clock.monotonic() - started)
        outcome, message = ("ok", "") if error is None else (error.code, error.message)
        usage = request.meter.tries[-1] if request.meter.sent > sent else NOTHING
        return Attempt(self._provider.name, started_at, took, outcome, message, usage)
