"""What a thread remembers between its runs: the conversation, and values that agents keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fairlead.agents.conversation import as_messages
from fairlead.agents.jsonable import encode, plain
from fairlead.agents.memory import Message

State = dict[str, Any]  # {"messages": […], "values": {…}}


class ThreadMemory:
    """The thread's state as it was when the run began; what the run adds is kept when it succeeds.

    A thread runs one run at a time, so the state does not change under a run.
    """

    def __init__(self, load: Callable[[], Awaitable[State | None]]) -> None:
        self._load = load
        self._state: State | None = None
        self._added: dict[str, Any] = {}

    async def messages(self) -> list[Message]:
        return list((await self._loaded()).get("messages", ()))

    async def get(self, key: str, default: Any = None) -> Any:
        if key in self._added:
            return self._added[key]
        return (await self._loaded()).get("values", {}).get(key, default)

    async def set(self, key: str, value: Any) -> None:
        """Kept in the thread when the run succeeds. Raises `NotJson`."""
        self._added[key] = plain(value)

    async def after(self, input: Any, output: Any) -> State:
        """The state the thread has when this run has succeeded."""
        before = await self._loaded()
        answer: Message = {
            "role": "assistant",
            "content": output if isinstance(output, str) else encode(output).decode(),
        }
        return {
            "messages": [*before.get("messages", ()), *as_messages(input), answer],
            "values": {**before.get("values", {}), **self._added},
            "output": output,
        }

    async def _loaded(self) -> State:
        if self._state is None:
            self._state = await self._load() or {}
        return self._state
