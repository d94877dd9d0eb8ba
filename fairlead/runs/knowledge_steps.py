"""Documents as an agent has them: a search is a step. A tool's own searches are within the tool's step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from fairlead.runs.recorded import Recording
from fairlead.store import Knowledge, Mode, Search, mode_of
from fairlead.store.vectors import Embed

T = TypeVar("T")


class KnowledgeOfTenant:
    """Implements `fairlead.agents.Knowledge`, without recording. `embed`: the run's own model call, which is recorded
    within the step that asks for it."""

    def __init__(
        self, knowledge: Knowledge, tenant: str, patiently: Callable[[Callable[[], Awaitable[Search]]], Any], *,
        embed: Embed | None,
    ) -> None:  # fmt: skip
        self._knowledge = knowledge
        self._tenant = tenant
        self._patiently = patiently
        self._embed = embed

    async def search(
        self, collection: str, query: str, *, limit: int = 5, mode: str = Mode.HYBRID
    ) -> list[dict[str, Any]]:
        embed = None if self._embed is None else _once(self._embed)
        wanted = mode_of(mode)
        searched: Search = await self._patiently(
            lambda: self._knowledge.search(
                collection, query, tenant=self._tenant, limit=limit, mode=wanted, embed=embed
            )
        )
        return [{**asdict(one), "mode": searched.mode.value} for one in searched.found]


class KnowledgeSteps:
    """The same, each search recorded: a resumed run finds what it found before."""

    def __init__(self, recording: Recording, knowledge: KnowledgeOfTenant) -> None:
        self._recording = recording
        self._knowledge = knowledge

    async def search(
        self, collection: str, query: str, *, limit: int = 5, mode: str = Mode.HYBRID
    ) -> list[dict[str, Any]]:
        # A step is known by what it was given: a search that says nothing of a mode is the one that it always was.
        more = {} if mode == Mode.HYBRID else {"mode": mode}
        return await self._recording.once(
            "knowledge.search", self._knowledge.search, (collection, query), {"limit": limit, **more}
        )


def _once(embed: Embed) -> Embed:
    """A search that is tried again, because the database was away, has its vector already."""
    made: dict[tuple[str, ...], Sequence[Sequence[float]]] = {}

    async def embed_once(texts: Sequence[str]) -> Sequence[Sequence[float]]:
        key = tuple(texts)
        if key not in made:
            made[key] = await embed(texts)
        return made[key]

    return embed_once
