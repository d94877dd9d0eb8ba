"""What keeps workers busy while they are struck, and what a person would do: answer, find out, resume."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairlead.agents.jsonable import decode
from fairlead.errors import Conflict, DatabaseUnavailable
from fairlead.runs.run import NewRun
from fairlead.wiring import Engine
from tests.crash import oracle
from tests.crash.agents import order
from tests.crash.site import Away, Site

_OPEN = "SELECT id, status, reason, error, parent_id FROM runs WHERE finished_at IS NULL"
_QUIET = 1.5  # seconds after which no process can still be about to do what nobody knows of


@dataclass
class Load:
    """`disturbed` is true while a process is stopped or cut off: what it does then is not known yet."""

    engine: Engine
    site: Site
    oracle: Path
    seed: int
    in_flight: int
    accepted: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict[str, Any])
    told: Counter[str] = field(default_factory=Counter[str])
    surprises: list[str] = field(default_factory=list[str])
    feeding: bool = True
    _next: int = 0
    _seen: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    _disturbed: int = 0
    _calm_since: float = 0.0

    def disturb(self) -> None:
        self._disturbed += 1

    def calm(self) -> None:
        self._disturbed -= 1
        self._calm_since = time.monotonic()

    async def forever(self) -> None:
        while True:
            try:
                await self.once()
            except (Away, DatabaseUnavailable):
                self.told["database away"] += 1
            except Exception as error:
                self.surprises.append(f"the control door raised {error!r}")
            await asyncio.sleep(0.05)

    async def once(self) -> None:
        runs = await self.site.rows(_OPEN)
        await self._answer()
        for run in runs:
            if run["reason"] == "outcome_unknown":
                await self._resume(run["id"], decode(run["error"])["key"])
        if self.feeding:
            for _ in range(self.in_flight - sum(1 for run in runs if run["parent_id"] is None)):
                await self._submit()

    async def _submit(self) -> None:
        number = self._next
        agent, asked = order(number, str(self.oracle))
        run, _ = await self.engine.control.submit(NewRun(agent, asked, idempotency_key=f"crash-{self.seed}-{number}"))
        self.accepted[run.id] = (agent, asked)  # acknowledged: from here on it may not be lost
        self._next += 1

    async def _answer(self) -> None:
        for approval in await self.engine.control.approvals():
            try:
                await self.engine.control.answer(approval.id, True, by="battery")
                self.told["approvals answered"] += 1
            except Conflict:  # our earlier answer arrived although its acknowledgement did not
                self.told["approvals answered before"] += 1

    async def _resume(self, run_id: str, key: str) -> None:
        """With the truth, once nobody can change it any more."""
        since = self._seen.setdefault((run_id, key), time.monotonic())
        if self._disturbed or time.monotonic() - max(since, self._calm_since) < _QUIET:
            return
        lines = [line for line in oracle.read(self.oracle) if line.key == f"{run_id}:{key}"]
        outcome = {"result": lines[0].result} if lines else {"repeat": True}
        del self._seen[run_id, key]
        try:
            await self.engine.control.resume(run_id, outcomes={key: outcome}, by="battery")
        except Conflict:
            return
        self.told["unknown outcomes: it was done" if lines else "unknown outcomes: it was not done"] += 1
