"""Background roles start, come when nudged, and stop."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fairlead.runs.role import Role, Roles
from fairlead.telemetry.emit import silent


async def test_a_role_that_is_nudged_and_stopped_at_once_stops() -> None:
    for _ in range(100):
        roles = Roles(silent)
        turned = asyncio.Event()

        async def once(turned: asyncio.Event = turned) -> None:
            turned.set()

        roles.start(Role("turn", timedelta(hours=1), once))
        await turned.wait()
        await asyncio.sleep(0)
        roles.nudge("turn")
        async with asyncio.timeout(5):
            await roles.stop()
