"""What may enter the queue: sound in itself, and room for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fairlead.agents.files import files_in
from fairlead.agents.jsonable import encode
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock
from fairlead.config import EngineSettings
from fairlead.database import Database, Query
from fairlead.errors import InvalidInput, QueueFull, UnknownAgent
from fairlead.runs.run import NewRun
from fairlead.store import Files
from fairlead.telemetry.emit import Emit

_LONGEST = 255
_UNKEEPABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_PRIORITIES = range(-(2**31), 2**31)
_BUDGETS = range(2**63)
_COUNT_AGAIN, _COUNT_AGAIN_WHEN_FULL = 1.0, 0.05  # seconds that a count of the queue is good for


class Admission:
    def __init__(
        self, database: Database, queries: Mapping[str, Query], agents: Mapping[str, AgentSpec], files: Files, *,
        settings: EngineSettings, clock: Clock, emit: Emit,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._agents = agents
        self._files = files
        self._settings = settings
        self._clock = clock
        self._emit = emit
        self._queued = 0
        self._counted_at: float | None = None

    def spec(self, agent: str) -> AgentSpec:
        """Raises `UnknownAgent`."""
        if agent not in self._agents:
            known = ", ".join(f"`{name}`" for name in sorted(self._agents)) or "none"
            raise UnknownAgent(f"There is no agent `{agent}`; there is: {known}.", hint="Declare it in fairlead.toml.")
        return self._agents[agent]

    def check(self, new: NewRun) -> None:
        """Raises `UnknownAgent`, `InvalidInput`."""
        self.spec(new.agent)
        for what, text in (("id", new.id or None), ("tenant", new.tenant), ("thread_id", new.thread_id),
                           ("release", new.release), ("idempotency_key", new.idempotency_key)):  # fmt: skip
            if text is not None and (not 0 < len(text) <= _LONGEST or _UNKEEPABLE.search(text)):
                raise InvalidInput(f"{what} must have 1 to {_LONGEST} characters, and no control characters.")
        if new.priority not in _PRIORITIES:
            raise InvalidInput("priority must be an integer of 32 bits.")
        if new.budget_nano is not None and new.budget_nano not in _BUDGETS:
            raise InvalidInput("The budget must not be negative, nor beyond 63 bits of nano-dollars.")
        if not isinstance(new.metadata, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput("metadata must be an object.")
        if b"\\u0000" in encode(new.metadata):
            raise InvalidInput("metadata must not hold NUL characters.")

    async def make_room(self, new: NewRun, count: int = 1) -> None:
        """The queue is counted once a second; in between we add our own. Child runs always find room: refusing them
        would stop runs that were accepted. `count`: for a group. Raises `QueueFull`."""
        now = self._clock.monotonic()
        limit = self._settings.queue_limit
        good_for = _COUNT_AGAIN if self._queued < limit else _COUNT_AGAIN_WHEN_FULL
        if self._counted_at is None or now - self._counted_at > good_for:
            self._counted_at = now
            rows = await self._database.read(self._queries["queued"], most=limit + 1)
            self._queued = rows[0]["depth"]
        if self._queued + count > limit and new.parent_id is None:
            self._emit("queue_full", tenant=new.tenant, agent=new.agent, depth=self._queued, limit=limit)
            raise QueueFull(
                f"{self._queued} runs are waiting, and no more are taken.",
                retry_after=self._settings.queue_retry_after,
                hint="Try again later, add workers, or raise QUEUE_LIMIT.",
            )

    async def hold_files(self, new: NewRun) -> None:
        """The files that its input names are kept until it has ended. Raises `InvalidInput` when one is not there."""
        if needed := list(dict.fromkeys(files_in(new.input))):
            await self._files.use(needed, new.id, tenant=new.tenant)

    def entered(self) -> None:
        """One more waits."""
        self._queued += 1
