"""What a process does for its service levels, from when it serves until it was asked to stop."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import suppress
from datetime import timedelta

from fairlead.errors import FairleadError
from fairlead.operate.levels import Keeper
from fairlead.operate.levels.book import BEAT
from fairlead.runs.role import Role, Roles
from fairlead.wiring.backing_up import newest_verified
from fairlead.wiring.engine import Engine
from fairlead.wiring.telemetry import Telemetry

_LOOK_EVERY = timedelta(minutes=5)
_BUDGET_OF = timedelta(days=30)


class Levels:
    """`role`: api or worker."""

    def __init__(self, engine: Engine, telemetry: Telemetry, role: str) -> None:
        process = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._keeper = Keeper(engine.levels, telemetry.counts, process=process, role=role, clock=engine.clock)
        self._roles = Roles(engine.emit)
        self._engine = engine
        self._roles.start(Role("levels", BEAT, self._keeper.once))
        if role == "api":
            self._roles.start(Role("gauges", _LOOK_EVERY, self._look))

    async def _look(self) -> timedelta | None:
        """What alert rules ask of the whole installation."""
        engine = self._engine
        for one in (await engine.levels.report(_BUDGET_OF)).measures:
            left = None if one.budget is None else one.budget.left
            engine.emit("error_budget", level=one.objective.level, of=one.objective.of, left=left)
        # A folder that can't be read tells nothing; what was seen last grows old until somebody is told.
        with suppress(FairleadError):
            newest = await asyncio.to_thread(newest_verified, engine.settings)
            if newest is not None:
                engine.emit("backup_seen", taken_at=newest[1])
        return None

    async def stop(self) -> None:
        """Before the engine is closed."""
        await self._roles.stop()
        await self._keeper.stop()
