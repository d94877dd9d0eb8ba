"""The short-lived state of a thread as an agent has it: each use is a step, as with the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fairlead.agents.jsonable import plain
from fairlead.errors import InvalidInput
from fairlead.runs.recorded import Recording
from fairlead.store import Conversations


class ConversationSteps:
    """Implements `fairlead.agents.Conversation` on a recording."""

    def __init__(self, recording: Recording, conversations: Conversations) -> None:
        self._recording = recording
        self._conversations = conversations
        run = recording.held.run
        self._tenant, self._thread_id = run.tenant, run.thread_id

    async def get(self, key: str, default: Any = None) -> Any:
        async def read() -> Any:
            found = await self._conversations.all(self._thread(), tenant=self._tenant)
            return [found[key]] if key in found else []

        found = await self._step("get", read, key)
        return found[0] if found else default

    async def all(self) -> dict[str, Any]:
        async def read() -> Any:
            return await self._conversations.all(self._thread(), tenant=self._tenant)

        return await self._step("all", read)

    async def put(self, key: str, value: Any) -> None:
        kept = plain(value)

        async def write() -> None:
            await self._conversations.put(self._thread(), key, kept, tenant=self._tenant)

        await self._step("put", write, key, kept)

    async def delete(self, key: str) -> None:
        async def remove() -> None:
            await self._conversations.delete(self._thread(), key, tenant=self._tenant)

        await self._step("delete", remove, key)

    def _thread(self) -> str:
        if self._thread_id is None:
            raise InvalidInput(
                "A run without a thread has no conversation.", hint="Start it in a thread, or use ctx.store."
            )
        return self._thread_id

    async def _step(self, verb: str, do: Callable[[], Awaitable[Any]], *given: Any) -> Any:
        self._thread()
        journal = self._recording.held.journal

        async def patient(*_: Any) -> Any:
            return await journal.until_answered(do, asked="redis")

        return await self._recording.once(f"conversation.{verb}", patient, given, {})
