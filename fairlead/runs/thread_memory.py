"""What a thread remembers between its runs: the conversation, and values that agents keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fairlead.agents.jsonable import plain
from fairlead.agents.memory import Message
from fairlead.runs.run import Run
from fairlead.runs.transcript import answer_of, completed, said_by_caller

State = dict[str, Any]
"""{"messages": […], "values": {…}, "output": …}, and "shown": what somebody wrote into it from outside."""


class ThreadMemory:
    """The thread's state as it was when the run began; what the run adds is kept when it succeeds.

    A thread runs one run at a time, so the state does not change under a run.
    """

    def __init__(self, load: Callable[[], Awaitable[State | None]]) -> None:
        self._load = load
        self._state: State | None = None
        self._added: dict[str, Any] = {}

    async def messages(self) -> list[Message]:
        return [shown_to_model(one) for one in completed((await self.state()).get("messages", ()))]

    async def get(self, key: str, default: Any = None) -> Any:
        if key in self._added:
            return self._added[key]
        return (await self.state()).get("values", {}).get(key, default)

    async def set(self, key: str, value: Any) -> None:
        """Kept in the thread when the run succeeds. Raises `NotJson`."""
        self._added[key] = plain(value)

    async def after(self, run: Run, output: Any, said: Sequence[Message] | None) -> State:
        """The state the thread has when this run has succeeded. `said`: what its model and tools said; None for an
        agent that is no conversation."""
        before = await self.state()
        said = [answer_of(run, output)] if said is None else said
        return {
            "messages": [*before.get("messages", ()), *said_by_caller(run.input, run.id), *said],
            "values": {**before.get("values", {}), **self._added},
            "output": output,
        }

    async def so_far(self, run: Run, said: Sequence[Message]) -> State:
        """The state the thread has when this run was stopped: with what was said, as far as it is whole."""
        before = await self.state()
        messages = [*before.get("messages", ()), *said_by_caller(run.input, run.id), *said]
        return {**before, "messages": completed(messages)}

    async def state(self) -> State:
        if self._state is None:
            self._state = await self._load() or {}
        return self._state


def shown_to_model(message: Message) -> Message:
    """Without what only people's clients read."""
    kept = {k: v for k, v in message.items() if k not in ("id", "status")}
    if kept["role"] == "tool":
        kept.pop("name", None)
    return kept
