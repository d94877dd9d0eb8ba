"""Documents as an agent has them: a search is a step. A tool's own searches are within the tool's step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

from fairlead.runs.recorded import Recording
from fairlead.store import Found, Knowledge

T = TypeVar("T")


class KnowledgeOfTenant:
    """Implements `fairlead.agents.Knowledge`, without recording."""

    def __init__(
        self, knowledge: Knowledge, tenant: str, patiently: Callable[[Callable[[], Awaitable[list[Found]]]], Any]
    ) -> None:
        self._knowledge = knowledge
        self._tenant = tenant
        self._patiently = patiently

    async def search(self, collection: str, query: str, *, limit: int = 5) -> list[dict[str, Any]]:
        found: list[Found] = await self._patiently(
            lambda: self._knowledge.search(collection, query, tenant=self._tenant, limit=limit)
        )
        return [asdict(one) for one in found]


class KnowledgeSteps:
    """The same, each search recorded: a resumed run finds what it found before."""

    def __init__(self, recording: Recording, knowledge: KnowledgeOfTenant) -> None:
        self._recording = recording
        self._knowledge = knowledge

    async def search(self, collection: str, query: str, *, limit: int = 5) -> list[dict[str, Any]]:
        return await self._recording.once(
            "knowledge.search", self._knowledge.search, (collection, query), {"limit": limit}
        )
