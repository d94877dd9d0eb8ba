"""The processes that hold runs: who lives, who is lost, how full they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fairlead.runs.run import Worker
from fairlead.web.console.door import Door
from fairlead.web.console.language import N_
from fairlead.web.console.state import State, Tone

PATH = "/console/workers"


@dataclass(frozen=True, slots=True)
class WorkerRow:
    worker: Worker
    state: State


async def read(door: Door) -> list[Worker]:
    return list(await door.workers())


def shape(workers: list[Worker], now: datetime) -> list[WorkerRow]:
    """The living first, then the newest."""
    rows = [WorkerRow(worker, condition(worker, now)) for worker in workers]
    return sorted(rows, key=lambda row: (row.worker.lost_at is not None, -row.worker.started_at.timestamp()))


def condition(worker: Worker, now: datetime) -> State:
    if worker.lost_at is not None:
        return State("error", Tone.ERR, N_("lost"))
    if worker.lease_until < now or not worker.alive:
        return State("unknown", Tone.ASK, N_("could not ask"))
    if worker.draining:
        return State("cancelled", Tone.MUTED, N_("draining"))
    return State("success", Tone.OK, N_("working"))
