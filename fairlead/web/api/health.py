"""How we are, as monitors ask it: the parts of the API beside those that it is handed."""

from __future__ import annotations

from fairlead.runs.oversight import Oversight
from fairlead.telemetry.health import Component, Condition
from fairlead.telemetry.pulse import Probe, Pulse
from fairlead.web.api.doors import Doors

ABSENT = {
    "cache": Component(Condition.DISABLED, "not in use"),
    "sandbox_pool": Component(Condition.DISABLED, "not in use"),
    "ai_service": Component(Condition.CONFIGURED, "asked when a run asks"),
}
VITAL = frozenset({"database"})


def open_pulse(doors: Doors) -> Pulse:
    return Pulse(
        {**probes_of_runs(doors.oversight), **doors.probes}, absent=ABSENT, vital=VITAL,
        every=doors.settings.health_check_interval, version=doors.version, clock=doors.clock, emit=doors.emit,
        stopping=doors.stopping.is_set,
    )  # fmt: skip


def probes_of_runs(oversight: Oversight) -> dict[str, Probe]:
    return {"database": lambda: _database(oversight), "queue": lambda: _queue(oversight)}


async def _database(oversight: Oversight) -> Component:
    await oversight.ping()
    return Component(Condition.HEALTHY, "answers")


async def _queue(oversight: Oversight) -> Component:
    depth = await oversight.queue_depth()
    unserved = await oversight.unserved()
    if unserved:
        runs = sum(one.runs for one in unserved)
        return Component(Condition.DEGRADED, f"{depth} runs wait; no living worker serves {runs} of them")
    return Component(Condition.HEALTHY, f"{depth} runs wait")
