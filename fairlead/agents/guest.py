"""A run, as libraries inside its agent meet it: who answers the model calls that they make with clients of their own.

A context variable knows the guest of the moment. It reaches the tasks an agent starts, the threads of `in_thread`, and
whatever else is started with its context copied, event loops in other threads too.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from fairlead.agents.sync_context import Bridge
from fairlead.errors import ConfigurationError
from fairlead.gateway.addresses import Addresses
from fairlead.gateway.types import ModelReply, ModelRequest
from fairlead.telemetry.emit import Emit

T = TypeVar("T")
REFUSAL = "x-fairlead-refusal"  # the header by which a library's own error leads back to ours
_MOST_REFUSALS = 1000
_DEEPEST = 20  # causes of causes

_CURRENT: ContextVar[Guest | None] = ContextVar("fairlead_guest", default=None)


@dataclass(frozen=True, slots=True)
class HouseRules:
    """For all guests of a worker. `models`: names that the project declares; `refuse`: model calls that can't be
    governed are refused rather than told of."""

    addresses: Addresses = field(default_factory=Addresses)
    models: Collection[str] = ()
    refuse: bool = False


class Guest:
    """One claim of one run. Made on the run's loop; closed when its agent has ended."""

    def __init__(
        self,
        ask: Callable[[ModelRequest], Awaitable[ModelReply]],
        rules: HouseRules,
        *,
        timeout: timedelta,
        run_id: str,
        agent: str,
        emit: Emit,
    ) -> None:
        self.ask = ask
        self.rules = rules
        self.timeout = timeout
        self._who = {"run_id": run_id, "agent": agent}
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._bridge = Bridge(self._loop)
        self._tasks: dict[asyncio.Task[None], None] = {}  # an empty set is three times as large, and runs are many
        self._told: dict[str, None] = {}
        self._refusals: dict[str, Exception] = {}

    def model(self, provider: str, name: str) -> str:
        """What a client's model name means here: a model that the project declares, or that provider's."""
        return name if name in self.rules.models else f"{provider}/{name}"

    async def reach(self, work: Coroutine[Any, Any, T]) -> T:
        """Does the work on the run's loop, whichever loop waits for it."""
        if asyncio.get_running_loop() is self._loop:
            return await work
        return await asyncio.wrap_future(self._bridge.send(work))

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The same for a thread. Raises ConfigurationError where waiting would stop the very loop that does it."""
        if threading.get_ident() == self._thread:
            work.close()
            raise ConfigurationError(
                "A blocking client of a model provider was called on the event loop.",
                hint="Use its async client and await it, or write the agent (or tool) as a plain `def`.",
            )
        return self._bridge.wait(work)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of the branch that asks for it, ended with the run. Made without the task factory: the next model
        call of this branch is the branch's next step, streamed or not."""
        task = asyncio.Task(work, loop=self._loop)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
        return task

    def ungoverned(self, client: str, address: str) -> None:
        """A model call goes past us: told once for each address. Raises ConfigurationError where it is refused."""
        refused = self.rules.refuse
        if address not in self._told:
            self._told[address] = None
            self._emit("llm_ungoverned", **self._who, client=client, address=address, refused=refused)
        if refused:
            raise ConfigurationError(
                f"The model call to {address} ({client}) can't be governed, and MODEL_UNGOVERNED is refuse.",
                hint="Declare its address under [providers], or use a client over httpx or httpx2.",
            )

    def refused(self, error: Exception) -> str:
        """Keeps the error; the value of `REFUSAL` by which `reason` finds it again."""
        if len(self._refusals) >= _MOST_REFUSALS:
            self._refusals.pop(next(iter(self._refusals)))
        mark = str(id(error))
        self._refusals[mark] = error
        return mark

    def reason(self, error: BaseException) -> BaseException:
        """The error of ours, when that is what a library's error came of; else the error itself."""
        cause: BaseException | None = error
        for _ in range(_DEEPEST):
            if cause is None:
                break
            headers: Any = getattr(getattr(cause, "response", None), "headers", None)
            mark = headers.get(REFUSAL) if hasattr(headers, "get") else None
            if mark in self._refusals:
                return self._refusals[mark]
            cause = cause.__cause__
        return error

    def close(self) -> None:
        """The agent has ended: what is still open for it is cancelled."""
        self._bridge.close()
        for task in tuple(self._tasks):
            task.cancel()


def current() -> Guest | None:
    return _CURRENT.get()


def enter(guest: Guest) -> None:
    """From here on, this task and whatever it starts work for this guest's run."""
    _CURRENT.set(guest)


def leave() -> Token[Guest | None]:
    """What follows is our own work, until `come_back`."""
    return _CURRENT.set(None)


def come_back(token: Token[Guest | None]) -> None:
    _CURRENT.reset(token)
